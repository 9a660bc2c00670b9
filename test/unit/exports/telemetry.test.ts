import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTelemetry } from '../../../src/exports/telemetry.ts';
import { operation } from '../../../src/telemetry/operations.ts';
import { TelemetryWorld } from '../../support/telemetry-world.ts';

let world: TelemetryWorld;
beforeEach(() => (world = new TelemetryWorld()));
afterEach(async () => world.close());

const read = (): void =>
  operation(
    'cacheRead',
    () => ({ keys: 1 }),
    () => {},
  );

it('fills what it is given, until it is stopped', async () => {
  const stop = startTelemetry({ tracer: world.tracer, meter: world.meter });
  read();
  stop();
  read();
  expect(world.spans.map(({ name }) => name)).toEqual(['cache read']);
});

it('needs neither, and says what is wrong in which option', () => {
  startTelemetry({})();
  const wrong = { tracer: {}, meter: 1, keys: 'all', commands: 'no', functionApp: '', metre: 1 };
  expect(() => startTelemetry(wrong as never)).toThrow(/^startTelemetry: 6 option\(s\) missing or wrong:/u);
});
