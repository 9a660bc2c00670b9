// GET and HEAD /api/fleet: the fleet, its tokens, its measures and its last roll calls, as JSON or as a page. No token, no key and no
// value is in it.

import type { HttpHandler } from '@azure/functions';
import type { Registry } from '../fleet/registry.ts';
import { firstTickAfterMs } from '../util/schedule.ts';
import { fleetJson } from '../fleet/fleet-json.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface FleetDeps extends HandlerDeps {
  readonly registry: Pick<Registry, 'read' | 'readMeasures'>;
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
  const { page } = deps;
  return httpHandler(deps, async (request, { deadlineAtMs }) => {
    const answer =
      page !== undefined && prefersHtml(request.headers.get('accept'))
        ? await page()
        : await json(deps, deadlineAtMs);
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

async function json({ registry, schedule }: FleetDeps, deadlineAtMs: number): Promise<TextResponse> {
  // All in one round trip.
  const [view, measures] = await Promise.all([
    registry.read(deadlineAtMs),
    registry.readMeasures(deadlineAtMs),
  ]);
  // By the schedule, not by the last roll call: it is also due before the first one and after a missed one.
  const body = JSON.stringify(fleetJson(view, measures, firstTickAfterMs(schedule, view.nowMs)));
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}
