import { Cron } from 'croner';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextTickAtMs } from '../../src/util/schedule.ts';

/** What NCRONTAB and croner read alike: numbers, ranges in order, steps and lists of them. */
function field(least: number, most: number): fc.Arbitrary<string> {
  const value = fc.integer({ min: least, max: most });
  const range = fc
    .tuple(value, value)
    .map(([a, b]) => (a === b ? `${a}` : `${Math.min(a, b)}-${Math.max(a, b)}`));
  const step = fc.integer({ min: 1, max: most - least });
  const element = fc.oneof(
    value.map(String),
    range,
    fc
      .tuple(
        fc.oneof(
          fc.constant('*'),
          range.filter((text) => text.includes('-')),
        ),
        step,
      )
      .map(([of, by]) => `${of}/${by}`),
  );
  const list = fc.array(element, { minLength: 1, maxLength: 3 }).map((elements) => elements.join(','));
  return fc.oneof({ weight: 2, arbitrary: fc.constant('*') }, { weight: 1, arbitrary: list });
}

it('ticks when another reader of such schedules says so', () => {
  const schedules = fc
    .tuple(field(0, 59), field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
    .map((fields) => fields.join(' '));
  const times = fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(schedules, times, (text, now) => {
      const expected = new Cron(text, { paused: true, timezone: 'UTC', domAndDow: true }).nextRun(
        new Date(now.getTime() + 1000),
      );
      expect(nextTickAtMs(text, now.getTime())).toBe(expected?.getTime());
    }),
    { numRuns: 1000 },
  );
});
