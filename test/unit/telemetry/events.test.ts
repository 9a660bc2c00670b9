import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from 'vitest';
import { emit, onEvent, type AppEvent } from '../../../src/telemetry/events.ts';
import { eventLog, formatEvent, logEvents } from '../../../src/telemetry/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const rotated: AppEvent = {
  type: 'tokenRotated',
  expiresAtMs: Date.UTC(2026, 0, 1, 12),
  timeLeftMs: 1234.56,
  previousTimeLeftMs: undefined,
  requestMs: 7.8,
};
const expired: AppEvent = { type: 'tokenExpired', expiredAtMs: Date.UTC(2026, 0, 1), failedAttempts: 3 };
const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

describe('events', () => {
  it('reach whoever listens to their type, until they stop listening', () => {
    const heard: AppEvent[] = [];
    const stop = onEvent('tokenRotated', (event) => heard.push(event));
    emit(rotated);
    emit(expired);
    stop();
    emit(rotated);
    expect(heard).toEqual([rotated]);
  });

  it('are on node:diagnostics_channel by name', () => {
    const heard: unknown[] = [];
    const listener = (message: unknown): void => void heard.push(message);
    subscribe('redis-entra-functions.tokenExpired', listener);
    stops.push(() => unsubscribe('redis-entra-functions.tokenExpired', listener));
    emit(expired);
    expect(heard).toEqual([expired]);
  });

  it('harm nobody when a listener throws: the others hear, and no exception is left behind', async () => {
    const heard: AppEvent[] = [];
    stops.push(
      onEvent('tokenRotated', () => {
        throw new Error('a bug in a listener');
      }),
      onEvent('tokenRotated', (event) => heard.push(event)),
    );
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', note);
    stops.push(() => process.off('uncaughtException', note));
    emit(rotated);
    // diagnostics_channel would raise it on the next tick.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(heard).toEqual([rotated]);
    expect(uncaught).toEqual([]);
  });
});

describe('the log', () => {
  it('has one line for an event, at a fitting level that it names where it matters, with readable times', () => {
    const lines: string[] = [];
    const sink = {
      info: (line: string) => lines.push(`info ${line}`),
      warn: (line: string) => lines.push(`warn ${line}`),
      error: (line: string) => lines.push(`error ${line}`),
    };
    stops.push(logEvents(sink, { clock: new FakeClock(), random: Math.random }));
    emit(rotated);
    emit(expired);
    emit({ type: 'originFailing', code: 'origin-failed', reason: 'it is away' });
    expect(lines).toEqual([
      'info tokenRotated {"expiresAt":"2026-01-01T12:00:00.000Z","timeLeftMs":1235,"requestMs":8}',
      'error tokenExpired {"level":"error","expiredAt":"2026-01-01T00:00:00.000Z","failedAttempts":3}',
      'warn originFailing {"level":"warn","code":"origin-failed","reason":"it is away"}',
    ]);
  });

  it('has no line for an event without a level', () => {
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const log = eventLog(
      { info: note, warn: note, error: note },
      { clock: new FakeClock(), random: () => 0 },
    );
    log({ type: 'rollCallHeard', expected: 1 });
    log({ type: 'purgeAdopted', targets: 1, rules: 1 });
    expect(lines).toEqual([]);
  });

  it('has every roll call, however large the fleet is: it is one line for all', () => {
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const log = eventLog(
      { info: note, warn: note, error: note },
      { clock: new FakeClock(), random: () => 0.5 },
    );
    log({ type: 'rollCallHeard', expected: 400 });
    const counts = { expected: 400, answered: 400, rotated: 0, failed: 0, silent: 0 };
    const more = { silentInstances: [], shortestTimeLeftMs: 1, measures: null };
    const ended = { type: 'rollCallEnded', ...counts, ...more } as const;
    for (let roll = 0; roll < 10; roll += 1) log(ended);
    expect(lines).toHaveLength(10);
    expect(lines[0]).toMatch(/^rollCallEnded \{"expected":400,/u);
  });

  it('never has the beginning of a refusal after its end', async () => {
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const clock = new FakeClock();
    const log = eventLog({ info: note, warn: note, error: note }, { clock, random: () => 0.5 });
    log({ type: 'rollCallHeard', expected: 10 });
    const of = { cause: 'read-only', command: 'SET', address: 'cache:10000' } as const;
    log({ type: 'commandRefused', reason: 'READONLY', ...of });
    log({ type: 'commandAccepted', refusedMs: 5, refusals: 1, ...of });
    await clock.advance(60_000);
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['commandAccepted']);
    expect(lines[0]).toContain('"omitted":1');
  });

  it('of one instance among many stays short, and says what it left out', async () => {
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const clock = new FakeClock();
    stops.push(logEvents({ info: note, warn: note, error: note }, { clock, random: () => 0.5 }));
    emit({ type: 'rollCallHeard', expected: 10 });
    const failing = { type: 'originFailing', code: 'origin-failed', reason: 'it is away' } as const;
    emit(failing);
    await clock.advance(1000);
    emit(failing);
    emit(failing);
    expect(lines).toEqual([]);
    await clock.advance(4000);
    // What stands for three is the last of them, and is told when it was.
    expect(lines).toEqual([
      'originFailing {"level":"warn","code":"origin-failed","reason":"it is away","at":"2026-01-01T00:00:01.000Z","omitted":2}',
    ]);
  });

  it('shows nothing that looks like a token, whatever an SDK puts into its message', () => {
    const token = `${Buffer.from('{"alg":"RS256","typ":"JWT"}').toString('base64url')}.${'a'.repeat(60)}.${'b'.repeat(60)}`;
    const line = formatEvent({
      type: 'tokenRenewalFailed',
      reason: `the server said: {"access_token":"${token}"}`,
      requestMs: 1,
      failedAttempts: 1,
      timeLeftMs: 1,
    });
    expect(line).toContain('[token]');
    expect(line).not.toMatch(/a{20}|b{20}/u);
  });
});
