// GET and HEAD /api/fleet: the fleet, its tokens and its last roll calls, as JSON or as a page.
// Registered by app.ts. Nothing it shows opens anything: no token, no key, no value.

import { randomBytes } from 'node:crypto';
import type { HttpHandler, HttpResponseInit } from '@azure/functions';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { RollCallRecord } from '../fleet/messages.ts';
import type { Registry, RegistryEntry } from '../fleet/registry.ts';
import { deadlineAtMs } from '../http/budget.ts';
import { cacheUnavailable } from '../http/problem.ts';
import { firstTickAfterMs } from '../util/schedule.ts';

export interface FleetDeps {
  readonly registry: Pick<Registry, 'read'>;
  readonly clock: Clock;
  /** The roll call's, NCRONTAB. */
  readonly schedule: string;
  readonly requestBudgetMs: number;
}

export function fleet(deps: FleetDeps): HttpHandler {
  return async (request): Promise<HttpResponseInit> => {
    const response = prefersHtml(request.headers.get('accept')) ? await page() : await data(deps);
    if (request.method !== 'HEAD') return response;
    const { body: _body, ...head } = response;
    return head;
  };
}

/** A browser asks for text/html by name; curl and programs say anything goes, or JSON (RFC 9110, section 12.5.1). */
function prefersHtml(accept: string | null): boolean {
  const ranges = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return { type, quality: Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1) };
  });
  const qualityOf = (name: string): number => ranges.find(({ type }) => type === name)?.quality ?? 0;
  return qualityOf('text/html') > 0 && qualityOf('text/html') >= qualityOf('application/json');
}

async function page(): Promise<HttpResponseInit> {
  const { fleetPage } = await import('../http/fleet-page.ts');
  const nonce = randomBytes(16).toString('base64');
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  const headers = {
    ...common,
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
  return { status: 200, headers, body: fleetPage(nonce) };
}

const common = { 'Cache-Control': 'no-store', Vary: 'Accept' };

async function data({ registry, clock, schedule, requestBudgetMs }: FleetDeps): Promise<HttpResponseInit> {
  try {
    const view = await registry.read(deadlineAtMs(clock, requestBudgetMs));
    const body = JSON.stringify({
      now: iso(view.nowMs),
      instances: view.entries.map((entry) => instance(entry, view.nowMs)),
      rollCalls: view.rollCalls.map(rollCall),
      // By the schedule and not by the last roll call: before the first, and after a missed one, it is due as well.
      nextRollCallAt: iso(firstTickAfterMs(schedule, view.nowMs)),
    });
    return { status: 200, headers: { ...common, 'Content-Type': 'application/json' }, body };
  } catch (error) {
    if (error instanceof AppError) return cacheUnavailable(error.retryAfterSeconds);
    throw error;
  }
}

function instance({ report, status, seenAtMs }: RegistryEntry, nowMs: number): Record<string, unknown> {
  // What was left when it reported, less the time since by the server's clock: no instance's clock matters.
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
