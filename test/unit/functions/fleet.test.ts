import { describe, expect, it } from 'vitest';
import type { Report } from '../../../src/fleet/messages.ts';
import type { FleetMeasures, RegistryView } from '../../../src/fleet/registry.ts';
import { fleet } from '../../../src/functions/fleet.ts';
import { AppError } from '../../../src/util/errors.ts';
import { callHandler, handlerDeps, problemCode, type Called } from '../../support/call-handler.ts';
import { countedWith } from '../../support/measures-report.ts';

const nowMs = Date.UTC(2026, 10, 26, 12, 0, 30);

const report: Report = {
  id: 'one',
  startedAtMs: nowMs - 60_000,
  version: '1.0.0',
  region: 'West Europe',
  host: 'host',
  tokenExpiresAtMs: nowMs + 3_600_000,
  tokenLeftMs: 3_605_500,
  lastRotationAtMs: nowMs - 60_000,
  connections: 2,
  rotated: false,
  failure: null,
  reauthenticated: 1,
  reauthenticationsFailed: 0,
  reads: 30,
};
const without = { ...report, id: 'two', tokenExpiresAtMs: null, tokenLeftMs: null, lastRotationAtMs: null };
const rollCall = {
  id: 'call',
  atMs: nowMs - 30_000,
  expected: 2,
  answered: 1,
  rotated: 1,
  failed: 0,
  silent: ['two'],
  shortestTimeLeftMs: 90_500,
  nextAtMs: null,
};
const view: RegistryView = {
  nowMs,
  entries: [
    { report, status: 'answered', seenAtMs: nowMs - 5000 },
    { report: without, status: 'silent', seenAtMs: nowMs + 5000 },
  ],
  rollCalls: [rollCall, { ...rollCall, silent: [], shortestTimeLeftMs: null }],
};

const hour = countedWith({ memoryHit: 6, redisHit: 2, loaded: 2, unavailable: 5 }, { loads: 3 }, [0, 0, 10]);
const measured: FleetMeasures = {
  instances: new Map([
    [
      'one',
      {
        counted: countedWith({ memoryHit: 2, miss: 1, refused: 7 }, { loads: 1 }),
        memory: { entries: 3, bytes: 4096 },
        history: [
          { agoMs: 300_000, reads: 9, answered: 8, hits: 6, loads: 2, p95Ms: 1.256 },
          { agoMs: 5000, reads: 0, answered: 0, hits: 0, loads: 0, p95Ms: null },
        ],
      },
    ],
  ]),
  minutes: [
    { atMs: nowMs - 90_000, counted: hour },
    { atMs: nowMs - 30_000, counted: hour },
  ],
};

interface Options {
  readonly accept?: string;
  readonly method?: string;
  readonly page?: boolean;
  readonly schedule?: string;
  readonly error?: Error;
}

async function ask({ accept, method = 'GET', page = true, schedule, error }: Options = {}): Promise<Called> {
  const { deadlineAtMs, ...deps } = handlerDeps();
  const registry = {
    async read(untilMs: number) {
      expect(untilMs).toBe(deadlineAtMs);
      if (error !== undefined) throw error;
      return view;
    },
    readMeasures: async () => measured,
  };
  const headers = { 'Content-Type': 'text/html' };
  const handler = fleet({
    ...deps,
    registry,
    schedule: schedule ?? '0 * * * * *',
    ...(page ? { page: async () => ({ status: 200, headers, body: 'a page' }) } : {}),
  });
  return callHandler(handler, { method, headers: accept === undefined ? {} : { accept } });
}

describe('the fleet as JSON', () => {
  it('has each instance, with the time its token has left by the clock of the server', async () => {
    const { status, headers, body } = await ask();
    expect(status).toBe(200);
    expect(headers).toEqual({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      vary: 'Accept',
    });
    const { now, instances, nextRollCallAt } = JSON.parse(body ?? '') as Record<string, unknown[]>;
    expect([now, nextRollCallAt]).toEqual(['2026-11-26T12:00:30.000Z', '2026-11-26T12:01:00.000Z']);
    expect(instances).toEqual([
      {
        id: 'one',
        status: 'answered',
        startedAt: '2026-11-26T11:59:30.000Z',
        reportedAt: '2026-11-26T12:00:25.000Z',
        tokenExpiresAt: '2026-11-26T13:00:30.000Z',
        tokenSecondsLeft: 3600,
        lastRotationAt: '2026-11-26T11:59:30.000Z',
        connections: 2,
        reauthenticated: 1,
        reauthenticationsFailed: 0,
        failure: null,
        reads: 30,
        version: '1.0.0',
        region: 'West Europe',
        host: 'host',
        measures: expect.objectContaining({
          hitRatio: 0.6667,
          reads: expect.objectContaining({ memoryHit: 2, redisHit: 0, miss: 1, refused: 7 }),
          loads: 1,
          latencyMs: { request: null, redis: null, origin: null, lockWait: null },
          memory: { entries: 3, bytes: 4096 },
        }),
        history: [
          { at: '2026-11-26T11:55:25.000Z', reads: 9, hitRatio: 0.75, loads: 2, p95Ms: 1.26 },
          { at: '2026-11-26T12:00:20.000Z', reads: 0, hitRatio: null, loads: 0, p95Ms: null },
        ],
      },
      expect.objectContaining({
        id: 'two',
        measures: null,
        history: [],
        status: 'silent',
        tokenExpiresAt: null,
        tokenSecondsLeft: null,
        lastRotationAt: null,
      }),
    ]);
  });

  it('has what all together counted, in each minute and in the last hour', async () => {
    const { minutes, totals } = JSON.parse((await ask()).body ?? '') as Record<string, unknown>;
    const minute = {
      hitRatio: 0.8,
      reads: expect.objectContaining({ memoryHit: 6, redisHit: 2, loaded: 2, unavailable: 5 }),
      loads: 3,
      loadsFailed: 0,
      latencyMs: { request: { p50: 0.38, p95: 0.49, p99: 0.5 }, redis: null, origin: null, lockWait: null },
    };
    expect(minutes).toMatchObject([
      { at: '2026-11-26T11:59:00.000Z', ...minute },
      { at: '2026-11-26T12:00:00.000Z', ...minute },
    ]);
    expect(totals).toMatchObject({ hitRatio: 0.8, reads: { memoryHit: 12, unavailable: 10 }, loads: 6 });
  });

  it('has the last roll calls', async () => {
    const { rollCalls } = JSON.parse((await ask()).body ?? '') as { rollCalls: unknown[] };
    expect(rollCalls).toEqual([
      {
        id: 'call',
        at: '2026-11-26T12:00:00.000Z',
        expected: 2,
        answered: 1,
        rotated: 1,
        failed: 0,
        silent: 1,
        silentInstances: ['two'],
        shortestSecondsLeft: 90,
      },
      expect.objectContaining({ silent: 0, silentInstances: [], shortestSecondsLeft: null }),
    ]);
  });

  it('says that a schedule without a next tick has none', async () => {
    const { body } = await ask({ schedule: '0 0 0 30 2 *' });
    expect(JSON.parse(body ?? '')).toMatchObject({ nextRollCallAt: null });
  });

  it('cannot be had while Redis cannot be asked', async () => {
    const answer = await ask({ error: new AppError('redis-unavailable', 'No connection.') });
    expect([answer.status, problemCode(answer)]).toEqual([503, 'cache-unavailable']);
  });

  it('by HEAD has the same headers and no body', async () => {
    expect(await ask({ method: 'HEAD' })).toMatchObject({ status: 200, body: undefined });
  });
});

describe('the page', () => {
  it.each([
    [undefined, false],
    ['*/*', false],
    ['application/json, text/html;q=0.5', false],
    ['text/html;q=0, */*', false],
    ['text/html', true],
    ['Text/HTML;level=1', true],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['application/json;q=0.4, text/html;q=0.5', true],
    [', ,', false],
  ])('for Accept %j: %s', async (accept, isPage) => {
    const { headers, body } = await ask(accept === undefined ? {} : { accept });
    expect(body === 'a page').toBe(isPage);
    expect(headers['content-type']).toBe(isPage ? 'text/html' : 'application/json');
    expect(headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Accept' });
  });

  it('may be left out: then everybody gets JSON', async () => {
    const { headers } = await ask({ accept: 'text/html', page: false });
    expect(headers['content-type']).toBe('application/json');
  });
});
