import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RollCall, type RollCallOutcome } from '../../src/fleet/roll-call.ts';
import { AppError } from '../../src/util/errors.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { InMemoryRegistry, type Refusable } from '../support/in-memory-registry.ts';
import { never, startInMemoryMember, type InMemoryMember } from '../support/in-memory-fleet.ts';

const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const anyId = fc.constantFrom(...ids);
const limitMs = 20_000;

type Step =
  | { readonly kind: 'start' | 'leave' | 'die' | 'hang'; readonly id: string }
  | { readonly kind: 'call' }
  | { readonly kind: 'refuse' | 'accept'; readonly what: Refusable };

const lives = fc.record({
  kind: fc.constantFrom('start' as const, 'leave' as const, 'die' as const, 'hang' as const),
  id: anyId,
});
const calls = fc.constant({ kind: 'call' } as const);
const refusals = fc.record({
  kind: fc.constantFrom('refuse' as const, 'accept' as const),
  what: fc.constantFrom<Refusable>('read', 'write', 'publish', 'subscribe'),
});
const timed = (steps: fc.Arbitrary<Step>) =>
  fc.array(fc.tuple(fc.nat({ max: limitMs }), steps), { minLength: 1, maxLength: 20 });

interface Called {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: RollCallOutcome | AppError;
}

/** Runs the steps at their times; members that are there from the start listen before the first. */
async function run(steps: readonly (readonly [number, Step])[], latencyMs: number, spread: number) {
  const clock = new FakeClock();
  const registry = new InMemoryRegistry(clock);
  registry.latencyMs = latencyMs;
  const rollCall = new RollCall({ registry, clock, emit: () => {} });
  const members = new Map<string, InMemoryMember>();
  const touched = new Set<string>();
  const left = new Set<string>();
  const called: Promise<Called>[] = [];
  const start = (id: string): void => {
    left.delete(id);
    members.set(id, startInMemoryMember(registry, clock, id, { random: spread }));
  };
  const call = async (): Promise<Called> => {
    const startedAtMs = clock.nowMs();
    const outcome = await rollCall.call(null).catch((error: unknown) => {
      if (error instanceof AppError) return error;
      throw error;
    });
    return { startedAtMs, endedAtMs: clock.nowMs(), outcome };
  };
  const act = (step: Step): void => {
    if (step.kind === 'call') called.push(call());
    else if (step.kind === 'refuse') registry.refused.add(step.what);
    else if (step.kind === 'accept') registry.refused.delete(step.what);
    else if ('id' in step) {
      const { kind, id } = step;
      touched.add(id);
      const member = members.get(id);
      if (kind === 'start' && (member === undefined || left.has(id))) start(id);
      if (member === undefined || left.has(id)) return;
      if (kind === 'hang') member.self.renewal = never;
      if (kind === 'leave' || kind === 'die') {
        left.add(id);
        // One that dies leaves nothing in order: Redis is not asked.
        if (kind === 'die') member.self.redis = { ...member.self.redis, state: 'closed' };
        void member.member.leave();
      }
    }
  };
  for (const id of ids.slice(0, 3)) start(id);
  await clock.advance(1000);
  for (const [atMs, step] of steps) clock.after(atMs, () => act(step));
  await clock.advance(limitMs + 100_000);
  const outcomes = await Promise.all(called);
  const idle = clock.pendingTimers;
  registry.refused.clear();
  const reading = registry.read();
  await clock.advance(latencyMs);
  return { outcomes, touched, left, view: await reading, idle };
}

const settings = [fc.constantFrom(0, 10, 100), fc.double({ min: 0, max: 0.99, noNaN: true })] as const;

it('ends in time and adds up, whoever comes, goes, dies or hangs, and whatever Redis refuses', async () => {
  await fc.assert(
    fc.asyncProperty(
      timed(fc.oneof(lives, calls, refusals)),
      ...settings,
      async (steps, latencyMs, spread) => {
        const { outcomes, idle } = await run(steps, latencyMs, spread);
        for (const { startedAtMs, endedAtMs, outcome } of outcomes) {
          // To subscribe, the spread and the grace, and to record.
          expect(endedAtMs - startedAtMs).toBeLessThanOrEqual(5000 + 5000 + 3 * latencyMs);
          if (outcome instanceof AppError) continue;
          expect(outcome.answered).toBeLessThanOrEqual(outcome.expected);
          if (outcome.unrecorded === null)
            expect(outcome.expected).toBe(outcome.answered + outcome.silent.length);
          expect(outcome.failed).toBe(outcome.failing.length);
        }
        // Nothing but the members that try to join again waits for anything.
        expect(idle).toBeLessThanOrEqual(ids.length);
      },
    ),
    { numRuns: 150 },
  );
});

it('hears each instance that is there all the time, and forgets each that leaves', async () => {
  await fc.assert(
    fc.asyncProperty(timed(fc.oneof(lives, calls)), ...settings, async (steps, latencyMs, spread) => {
      const { outcomes, touched, left, view } = await run(steps, latencyMs, spread);
      const steady = ids.slice(0, 3).filter((id) => !touched.has(id));
      for (const { outcome } of outcomes) {
        if (outcome instanceof AppError) throw outcome;
        for (const id of steady) expect(outcome.silent).not.toContain(id);
        expect(outcome.answered).toBeGreaterThanOrEqual(steady.length);
      }
      const there = view.entries.map(({ report }) => report.id);
      expect(there).toEqual(expect.arrayContaining(steady));
      const died = steps.flatMap(([, step]) => (step.kind === 'die' ? [step.id] : []));
      for (const id of left) if (!died.includes(id)) expect(there).not.toContain(id);
    }),
    { numRuns: 150 },
  );
});
