// GET and HEAD /api/fleet: the fleet, its tokens and its last roll calls, as JSON or as a page. No token, no key and no
// value is in it.

import type { HttpHandler } from '@azure/functions';
import type { RollCallRecord } from '../fleet/messages.ts';
import type { Registry, RegistryEntry, RegistryView } from '../fleet/registry.ts';
import { firstTickAfterMs } from '../util/schedule.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface FleetDeps extends HandlerDeps {
  readonly registry: Pick<Registry, 'read'>;
  /** The roll call's, NCRONTAB. */
  readonly schedule: string;
  /** For clients that prefer HTML; without it they get JSON, too. */
  readonly page?: () => Promise<TextResponse>;
}

interface TextResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function fleet(deps: FleetDeps): HttpHandler {
  const { registry, schedule, page } = deps;
  return httpHandler(deps, async (request, { deadlineAtMs }) => {
    const answer =
      page !== undefined && prefersHtml(request.headers.get('accept'))
        ? await page()
        : json(await registry.read(deadlineAtMs), schedule);
    return { ...answer, headers: { 'Cache-Control': 'no-store', Vary: 'Accept', ...answer.headers } };
  });
}

/** A browser asks for text/html by name; curl and programs accept anything, or JSON (RFC 9110, section 12.5.1). */
function prefersHtml(accept: string | null): boolean {
  const ranges = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return { type, quality: Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1) };
  });
  const qualityOf = (name: string): number => ranges.find(({ type }) => type === name)?.quality ?? 0;
  return qualityOf('text/html') > 0 && qualityOf('text/html') >= qualityOf('application/json');
}

function json(view: RegistryView, schedule: string): TextResponse {
  const body = JSON.stringify({
    now: iso(view.nowMs),
    instances: view.entries.map((entry) => instance(entry, view.nowMs)),
    rollCalls: view.rollCalls.map(rollCall),
    // By the schedule, not by the last roll call: it is also due before the first one and after a missed one.
    nextRollCallAt: iso(firstTickAfterMs(schedule, view.nowMs)),
  });
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}

function instance({ report, status, seenAtMs }: RegistryEntry, nowMs: number): Record<string, unknown> {
  // What was left at its report, less the time since then by the server's clock: instances' clocks may be wrong.
  const leftMs =
    report.tokenLeftMs === null ? null : Math.max(report.tokenLeftMs - Math.max(nowMs - seenAtMs, 0), 0);
  return {
    id: report.id,
    status,
    startedAt: iso(report.startedAtMs),
    reportedAt: iso(seenAtMs),
    tokenExpiresAt: iso(report.tokenExpiresAtMs),
    tokenSecondsLeft: leftMs === null ? null : Math.floor(leftMs / 1000),
    lastRotationAt: iso(report.lastRotationAtMs),
    connections: report.connections,
    reauthenticated: report.reauthenticated,
    reauthenticationsFailed: report.reauthenticationsFailed,
    failure: report.failure,
    reads: report.reads,
    version: report.version,
    region: report.region,
    host: report.host,
  };
}

function rollCall(record: RollCallRecord): Record<string, unknown> {
  const { id, atMs, expected, answered, rotated, failed, silent, shortestTimeLeftMs } = record;
  return {
    id,
    at: iso(atMs),
    expected,
    answered,
    rotated,
    failed,
    silent: silent.length,
    silentInstances: silent,
    shortestSecondsLeft: shortestTimeLeftMs === null ? null : Math.floor(shortestTimeLeftMs / 1000),
  };
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
