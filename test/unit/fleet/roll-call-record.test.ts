import { describe, expect, it } from 'vitest';
import type { Report } from '../../../src/fleet/messages.ts';
import { eventOf, isFailing, recordOf } from '../../../src/fleet/roll-call-record.ts';

const healthy: Report = {
  id: 'a',
  startedAtMs: 0,
  version: '0',
  region: null,
  host: null,
  tokenExpiresAtMs: 0,
  tokenLeftMs: 3000,
  lastRotationAtMs: 0,
  connections: 1,
  rotated: false,
  failure: null,
  reauthenticated: 1,
  reauthenticationsFailed: 0,
  reads: 0,
};

function record(receivers: number, present: readonly string[] | undefined, ...reports: readonly Report[]) {
  const byId = new Map(reports.map((report) => [report.id, report]));
  return recordOf({ id: 'call', atMs: 1, nextAtMs: 2, receivers, present, reports: byId });
}

describe('the record of a roll call', () => {
  it('has the least that any token has left, of those that say', () => {
    const all = [
      healthy,
      { ...healthy, id: 'b', tokenLeftMs: 1000 },
      { ...healthy, id: 'c', tokenLeftMs: null },
    ];
    expect(record(3, ['a', 'b', 'c'], ...all).shortestTimeLeftMs).toBe(1000);
    expect(record(1, ['c'], { ...healthy, id: 'c', tokenLeftMs: null }).shortestTimeLeftMs).toBeNull();
  });

  it('expects who was there and who answered', () => {
    expect(record(9, ['a', 'b'], healthy, { ...healthy, id: 'new' })).toMatchObject({
      expected: 3,
      answered: 2,
      silent: ['b'],
    });
  });

  it('expects as many as heard it or answered, where nobody knows who was there', () => {
    expect(record(2, undefined, healthy)).toMatchObject({ expected: 2, answered: 1, silent: [] });
    expect(record(0, undefined, healthy)).toMatchObject({ expected: 1, answered: 1 });
  });

  it('is told as an event with the number of the silent, and the names of 20', () => {
    const many = Array.from({ length: 400 }, (_, index) => `instance-${index}`);
    const told = eventOf(record(400, many), null);
    expect(told).toMatchObject({ silent: 400, silentInstances: many.slice(0, 20) });
    expect(eventOf(record(2, ['a', 'b'], { ...healthy, rotated: true }), null)).toEqual({
      type: 'rollCallEnded',
      expected: 2,
      answered: 1,
      rotated: 1,
      failed: 0,
      silent: 1,
      silentInstances: ['b'],
      shortestTimeLeftMs: 3000,
      measures: null,
    });
  });
});

it('an instance fails by its renewal or by one of its connections', () => {
  expect(isFailing(healthy)).toBe(false);
  expect(isFailing({ ...healthy, failure: 'No token.' })).toBe(true);
  expect(isFailing({ ...healthy, reauthenticationsFailed: 1 })).toBe(true);
});
