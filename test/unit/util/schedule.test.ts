import { describe, expect, it } from 'vitest';
import { isSchedule, nextTickAtMs } from '../../../src/util/schedule.ts';

function ticks(schedule: string, from: string, count = 1): string[] {
  expect(isSchedule(schedule)).toBe(true);
  const found: string[] = [];
  for (let atMs: number | null = Date.parse(from); found.length < count;) {
    atMs = nextTickAtMs(schedule, atMs);
    if (atMs === null) break;
    found.push(new Date(atMs).toISOString());
  }
  return found;
}

describe('a schedule', () => {
  it.each([
    ['* * * * *', 'five fields'],
    ['0 * * * * * *', 'seven fields'],
    ['60 * * * * *', 'a second of 60'],
    ['0 0 25 * * *', 'an hour of 25'],
    ['0 0 0 0 * *', 'a day of 0'],
    ['0 0 0 * 13 *', 'a month of 13'],
    ['0 0 0 * * 7', 'a day of the week of 7'],
    ['a b c d e f', 'letters'],
    ['0 0 0 * Foo *', 'no month'],
    ['0 0 Mon * * *', 'a name where there are none'],
    ['0 */x * * * *', 'a step that is no number'],
    ['0 1, * * * *', 'an empty element'],
    ['0 1-2-3 * * * *', 'a range of three'],
    ['0 *-5 * * * *', 'a range from everything'],
    ['0 0 L * * *', 'the extensions of other crons'],
    ['0 0 0 ? * *', 'a question mark'],
    ['@daily', 'a nickname'],
    ['0\t0 0 * * *', 'a tab'],
  ])('that the host would refuse is refused: %j, %s', (schedule) => {
    expect(isSchedule(schedule)).toBe(false);
  });

  // From the tests of the host's parser (NCrontab.Tests/CrontabScheduleTests.cs), with seconds put before.
  it.each([
    ['2003-01-01T00:00:00Z', '45-47,48,49 * * * * *', '2003-01-01T00:00:45Z'],
    ['2003-01-01T00:00:30Z', '9 2/5 * * * *', '2003-01-01T00:02:09Z'],
    ['2003-12-20T10:00:00Z', '0 * 3/4 * * *', '2003-12-20T11:00:00Z'],
    ['2003-07-10T00:00:00Z', '0 * * 30,31 * *', '2003-07-30T00:00:00Z'],
    ['2000-02-15T00:00:00Z', '0 0 0 15,30,31 * *', '2000-03-15T00:00:00Z'],
    ['2003-12-01T05:00:00Z', '0 10 * * 6 *', '2004-06-01T00:10:00Z'],
    ['2002-07-01T05:00:00Z', '0 10 * * February,April-Jun *', '2003-02-01T00:10:00Z'],
    ['1988-03-11T14:23:00Z', '0 20 * * january,FeB,Mar,Augu,SEPT-October,DECEM *', '1988-03-11T15:20:00Z'],
    ['2003-06-26T10:00:00Z', '0 30 6 * * SUNDAY', '2003-06-29T06:30:00Z'],
    ['2003-01-01T12:00:00Z', '0 45 16 1 * Mon', '2003-09-01T16:45:00Z'],
    ['2000-02-29T12:01:00Z', '0 1 12 29 2 *', '2004-02-29T12:01:00Z'],
    ['2003-12-31T23:59:00Z', '0 * * * * *', '2004-01-01T00:00:00Z'],
    // Both are odd, and taken by the host.
    ['2003-01-01T00:00:30Z', '0 */0 * * * *', '2003-01-01T00:01:00Z'],
    ['2003-01-01T00:00:30Z', '5-1 * * * * *', '2003-01-01T00:01:01Z'],
  ])('after %s, %j ticks at %s', (from, schedule, expected) => {
    expect(ticks(schedule, from)).toEqual([new Date(expected).toISOString()]);
  });

  it('that ticks a little early does not take the tick that is being run for the next one', () => {
    for (const now of ['11:59:59.000', '11:59:59.990', '12:00:00.000', '12:00:00.010', '12:04:58.999']) {
      expect(ticks('0 */5 * * * *', `2026-01-01T${now}Z`)).toEqual(['2026-01-01T12:05:00.000Z']);
    }
  });

  it('that never comes has no next tick', () => {
    expect(ticks('0 0 0 31 2 *', '2026-01-01T00:00:00Z')).toEqual([]);
    expect(ticks('0 0 0 29 2 Mon', '2072-03-01T00:00:00Z')).toEqual(['2112-02-29T00:00:00.000Z']);
  });
});
