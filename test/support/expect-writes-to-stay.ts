// The property that random interleavings are tried against, on whatever server.

import fc from 'fast-check';
import { expect } from 'vitest';
import type { SteppedServer } from './stepped-server.ts';
import { kinds, WriteWorld, type Happened, type Kind } from './write-world.ts';

const step = (...of: readonly Kind[]) => fc.record({ kind: fc.constantFrom(...of), pick: fc.nat(5) });
const steps = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: step('command') },
    { weight: 3, arbitrary: step('answer') },
    { weight: 3, arbitrary: step('read') },
    { weight: 4, arbitrary: step(...kinds, 'remove', 'remove') },
    { weight: 2, arbitrary: step('wait', 'age', 'origin-changes', 'lock-expires') },
  ),
  { minLength: 30, maxLength: 60 },
);

/** What a client wrote stays until a client changes it, and what a client removed does not come back. */
export async function expectWritesToStay(numRuns: number, open: () => Promise<SteppedServer>): Promise<void> {
  const happened: Happened = new Map();
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (all, isFilled) => {
      const world = new WriteWorld(await open(), happened);
      if (isFilled) await world.fill();
      for (const { kind, pick } of all) await world.do(kind, pick);
      await world.end();
    }),
    { numRuns },
  );
  const much = [
    'wrote while the origin was asked',
    'removed while the origin was asked',
    'renewed',
    'loaded',
  ];
  for (const what of much) expect(happened.get(what) ?? 0, what).toBeGreaterThan(5);
}
