// What the workbook draws of what the fleet counted: its queries, run over what roll calls would have said.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { FleetCounted } from '../../../src/telemetry/fleet-events.ts';
import { eventKinds, readKinds } from '../../../src/telemetry/measures.ts';
import { formatEvent } from '../../../src/telemetry/log.ts';
import { runQuery, type Tables } from '../../support/kusto-run.ts';

const nowMs = Date.UTC(2026, 0, 1);

const nothing = { minutes: 1, reads: {}, events: {}, latenciesMs: {}, memoryEntries: 0, memoryBytes: 0 };

async function draw(
  name: string,
  ...said: readonly (Partial<FleetCounted> | null)[]
): Promise<Tables[string]> {
  const text = await readFile(join(import.meta.dirname, `../../../infra/queries/${name}.kql`), 'utf8');
  const traces = said.map((measures) => ({
    timestamp: nowMs,
    message: formatEvent({
      type: 'rollCallEnded',
      expected: 1,
      answered: 1,
      rotated: 0,
      failed: 0,
      silent: 0,
      silentInstances: [],
      shortestTimeLeftMs: null,
      measures: measures === null ? null : { ...nothing, ...measures },
    }),
  }));
  return runQuery(text.replaceAll('{time:grain}', '5m'), { traces, requests: [] }, nowMs);
}

it('a read that was loaded is no hit, and an outage says nothing of what is cached', async () => {
  const drawn = await draw(
    'hit-ratio',
    { reads: { memoryHit: 30, memoryStale: 10, redisHit: 20, redisStale: 5, loaded: 10, collapsed: 5 } },
    { reads: { miss: 5, negative: 5, failed: 10, unavailable: 1000, bypassed: 1000, refused: 1000 } },
    null,
  );
  const shares = { 'In memory, %': 40, 'In Redis, %': 25, 'Loaded, %': 15, 'Absent, %': 10, 'Failed, %': 10 };
  expect(drawn).toEqual([{ timestamp: nowMs, ...shares }]);
  expect(await draw('hit-ratio', {}, null)).toEqual([]);
});

it('knows every way in which a read ends', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../infra/queries/hit-ratio.kql'), 'utf8');
  const asked = [...text.matchAll(/\(reads\.(\w+)\)/gu)].flatMap(([, kind]) => kind ?? []);
  const saysNothing = ['unavailable', 'bypassed', 'refused'];
  expect([...asked, ...saysNothing].toSorted()).toEqual([...readKinds].toSorted());
});

it('reads and other counts are drawn by their name', async () => {
  const reads = { redisHit: 3, loaded: 1 };
  expect(await draw('reads', { reads }, { reads: { redisHit: 1 } })).toEqual([
    { Ended: 'redisHit', timestamp: nowMs, reads: 4 },
    { Ended: 'loaded', timestamp: nowMs, reads: 1 },
  ]);
  const events = Object.fromEntries(eventKinds.map((kind) => [kind, 2]));
  const drawn = (await draw('counts', { events })).map(({ What }) => What);
  expect(drawn).toEqual(eventKinds.filter((kind) => !kind.endsWith('Bytes')));
});

it('percentiles are the bounds that so many requests stayed within', async () => {
  const latenciesMs = { request: { '1': 90, '5': 7, '250': 2, longer: 1 }, redis: { '0.5': 99, '1': 1 } };
  expect(await draw('percentiles', { latenciesMs }, { latenciesMs })).toEqual([
    { timestamp: nowMs, p50: 1, p95: 5, p99: 250 },
  ]);
  expect(await draw('waits', { latenciesMs })).toEqual([
    { What: 'request', timestamp: nowMs, p95: 5 },
    { What: 'redis', timestamp: nowMs, p95: 0.5 },
  ]);
});

it('the memory of the instances is drawn in MiB', async () => {
  const drawn = await draw('memory', { memoryEntries: 7, memoryBytes: 2 ** 21 }, { memoryBytes: 2 ** 20 });
  expect(drawn).toEqual([{ timestamp: nowMs, 'Memory, MiB': 2, Entries: 7 }]);
});
