import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseAnnouncement,
  parseReport,
  parseRollCallRecord,
  type Report,
  type RollCallRecord,
} from '../../src/fleet/messages.ts';

const ids = fc.stringMatching(/^[\w.-]{1,64}$/u);
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null });
const numbers = fc.integer();
const texts = fc.string({ maxLength: 256 });

const reports: fc.Arbitrary<Report> = fc.record({
  id: ids,
  startedAtMs: numbers,
  version: texts,
  region: nullable(texts),
  host: nullable(texts),
  tokenExpiresAtMs: nullable(numbers),
  tokenLeftMs: nullable(numbers),
  lastRotationAtMs: nullable(numbers),
  connections: numbers,
  rotated: fc.boolean(),
  failure: nullable(texts),
  reauthenticated: numbers,
  reauthenticationsFailed: numbers,
  reads: numbers,
});

const records: fc.Arbitrary<RollCallRecord> = fc.record({
  id: ids,
  atMs: numbers,
  expected: numbers,
  answered: numbers,
  rotated: numbers,
  failed: numbers,
  silent: fc.array(ids),
  shortestTimeLeftMs: nullable(numbers),
  nextAtMs: nullable(numbers),
});

describe('what instances tell each other', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: 0, max: 10_000 }), (id, spreadMs) => {
        expect(parseAnnouncement(JSON.stringify({ id, spreadMs }))).toEqual({ id, spreadMs });
      }),
    );
    const expectations = fc.integer({ min: 0, max: 2000 });
    fc.assert(
      fc.property(ids, expectations, (id, expected) => {
        const message = JSON.stringify({ id, spreadMs: 1, expected });
        expect(parseAnnouncement(message)).toEqual({ id, spreadMs: 1, expected });
      }),
    );
    fc.assert(
      fc.property(reports, (report) => {
        const message = JSON.stringify(report);
        fc.pre(message.length <= 4096);
        expect(parseReport(message)).toEqual(JSON.parse(message));
      }),
    );
    fc.assert(
      fc.property(records, (record) => {
        expect(parseRollCallRecord(JSON.stringify(record))).toEqual(record);
      }),
    );
  });

  it('is ignored, without a throw, when it is anything else', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.string({ minLength: 5000, maxLength: 6000 })),
        (message) => {
          expect(parseAnnouncement(message)).toBeUndefined();
          expect(parseReport(message)).toBeUndefined();
          expect(parseRollCallRecord(message)).toBeUndefined();
        },
      ),
    );
  });

  it('is ignored when one field is missing or of another type', () => {
    fc.assert(
      fc.property(
        reports,
        fc.nat({ max: 13 }),
        fc.constantFrom(undefined, {}, []),
        (report, index, wrong) => {
          const name = Object.keys(report)[index] ?? 'id';
          expect(parseReport(JSON.stringify({ ...report, [name]: wrong }))).toBeUndefined();
        },
      ),
    );
  });

  it('is ignored when a record of a roll call lacks a field or has one of another type', () => {
    fc.assert(
      fc.property(
        records,
        fc.nat({ max: 8 }),
        fc.constantFrom(undefined, {}, [{}]),
        (record, index, wrong) => {
          const name = Object.keys(record)[index] ?? 'id';
          expect(parseRollCallRecord(JSON.stringify({ ...record, [name]: wrong }))).toBeUndefined();
        },
      ),
    );
  });

  it('is ignored when it names a time that no date can hold', () => {
    fc.assert(
      fc.property(reports, records, fc.constantFrom(9e15, -1e300), (report, record, atMs) => {
        for (const name of ['startedAtMs', 'tokenExpiresAtMs', 'lastRotationAtMs']) {
          expect(parseReport(JSON.stringify({ ...report, [name]: atMs }))).toBeUndefined();
        }
        for (const name of ['atMs', 'nextAtMs']) {
          expect(parseRollCallRecord(JSON.stringify({ ...record, [name]: atMs }))).toBeUndefined();
        }
      }),
    );
  });

  it('calls the roll also where the number that is expected cannot be believed', () => {
    for (const expected of [-1, 2001, 1e9, 1.5, '3', null, {}]) {
      const message = JSON.stringify({ id: 'x', spreadMs: 1, expected });
      expect(parseAnnouncement(message)).toEqual({ id: 'x', spreadMs: 1 });
    }
  });

  it('cannot name a channel or a spread out of bounds', () => {
    for (const message of [
      '{"id":"a b","spreadMs":1}',
      '{"id":"","spreadMs":1}',
      '{"id":"x","spreadMs":10001}',
    ]) {
      expect(parseAnnouncement(message)).toBeUndefined();
    }
  });
});
