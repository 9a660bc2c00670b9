// POST /api/purge: makes entries stale, or removes them, by keys, tags and prefixes, on all instances.

import type { HttpHandler } from '@azure/functions';
import type { Cache } from '../cache/cache.ts';
import { prefixFault } from '../cache/key.ts';
import type { PurgeOutcome } from '../cache/purge-call.ts';
import { mostTargets, type PurgeRequest } from '../cache/purge-request.ts';
import { mostPurgeTargets } from '../cache/purge-rules.ts';
import { checkPrefixes, type Caller } from '../http/callers/caller.ts';
import { validKey } from '../http/entry-key.ts';
import { mostPurgeBodyBytes as maxBytes } from '../http/limits.ts';
import { Problem } from '../http/problem.ts';
import { rejectUnknown } from '../http/query.ts';
import { jsonIn, readBody } from '../http/request-body.ts';
import { isTag, tagExpectation } from '../origin/tags.ts';
import { secondsToWait } from '../util/errors.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface PurgeDeps extends HandlerDeps {
  readonly cache: Pick<Cache, 'keyOf' | 'purge'>;
  readonly writesEnabled: boolean;
}

const members: readonly string[] = ['keys', 'tags', 'prefixes', 'mode'];

export function purge(deps: PurgeDeps): HttpHandler {
  const { cache, writesEnabled } = deps;
  return httpHandler(deps, async (request, { deadlineAtMs, charge, caller }) => {
    if (!writesEnabled) throw new Problem('writes-disabled', 'It takes no purges over HTTP.', { Allow: '' });
    rejectUnknown(request.query, []);
    const body = await readBody(request, { maxBytes, tooLarge: 'body-too-large', charge });
    const given = jsonIn(request, body, () => invalid('; the body is not JSON'));
    const outcome = await cache.purge(requestIn(given, cache, caller), deadlineAtMs);
    if (outcome.kind !== 'purged') throw problemOf(outcome);
    const { atMs, expected, acknowledged, silent } = outcome;
    return {
      status: 200,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      body: JSON.stringify({ purgedAt: new Date(atMs).toISOString(), expected, acknowledged, silent }),
    };
  });
}

/** Its tags are those of the caller's entries alone, where it may name no others. */
function requestIn(json: unknown, cache: PurgeDeps['cache'], caller: Caller): PurgeRequest {
  const given = objectIn(json);
  const mode = given['mode'] ?? 'stale';
  if (mode !== 'stale' && mode !== 'remove') throw invalid('; `mode` is neither "stale" nor "remove"');
  const keys = stringsIn(given['keys']);
  const tags = stringsIn(given['tags']);
  const prefixes = stringsIn(given['prefixes']);
  const count = keys.length + tags.length + prefixes.length;
  if (count < 1 || count > mostTargets) throw invalid(`; got ${count}`);
  const tagFault = tags.every(isTag) ? undefined : `A tag is ${tagExpectation}.`;
  const fault = tagFault ?? prefixes.map(prefixFault).find((one) => one !== undefined);
  if (fault !== undefined) throw new Problem('invalid-body', fault);
  checkPrefixes(caller, [...keys, ...prefixes]);
  return {
    keys: keys.map((name, index) => validKey(name, cache, `keys[${index}]: `)),
    tags,
    prefixes,
    mode,
    tagsWithin: caller.prefixes,
  };
}

function objectIn(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('');
  if (!Object.keys(body).every((name) => members.includes(name))) throw invalid(', and no other member');
  return body as Readonly<Record<string, unknown>>;
}

function stringsIn(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw invalid('; each of the three is an array of strings');
}

function invalid(what: string): Problem {
  const form = '{"keys"?, "tags"?, "prefixes"?, "mode"?: "stale" | "remove"}';
  const limit = `1 to ${mostTargets} keys, tags and prefixes together`;
  return new Problem('invalid-body', `Expected ${form} with ${limit}${what}.`);
}

function problemOf(outcome: Exclude<PurgeOutcome, { kind: 'purged' }>): Problem {
  if (outcome.kind === 'full') {
    const detail = `Nothing was purged: at most ${mostPurgeTargets} are remembered, as long as entries are kept. A prefix or a tag takes the place of many keys.`;
    const headers = { 'Retry-After': `${secondsToWait(outcome.retryAfterMs)}` };
    return new Problem('too-many-purges', detail, headers);
  }
  const { error, applied } = outcome;
  const headers = { 'Retry-After': `${error.retryAfterSeconds ?? 1}` };
  if (applied === 'no') return new Problem('cache-unavailable', 'Nothing was purged. Purge again.', headers);
  return new Problem('write-outcome-unknown', 'Purge again: that does no harm.', headers);
}
