// What the app's Cache-Status (RFC 9211) says of an answer.

const cacheName = 'redis-entra-functions';

// One cache of the list, with its parameters: bare items of RFC 8941, of which Cache-Status uses tokens, strings and integers.
const memberPattern =
  /\s*(?<name>[^\s;,"]+)(?<parameters>(?:\s*;\s*[a-z*][\w.*-]*(?:=(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)\s*(?:,|$)/uy;
const parameterPattern =
  /;\s*(?<name>[a-z*][\w.*-]*)(?:=(?:"(?<text>(?:[^"\\]|\\.)*)"|(?<token>[^\s;,"]*)))?/gu;

/** By name; a parameter without a value has the empty one. */
export type CacheStatus = ReadonlyMap<string, string>;

/** Of the app, in a list to which proxies may have added their own; undefined where it is not there. */
export function parseCacheStatus(field: string | null): CacheStatus | undefined {
  const text = field ?? '';
  for (let at = 0; at < text.length; at = memberPattern.lastIndex) {
    memberPattern.lastIndex = at;
    const groups = memberPattern.exec(text)?.groups;
    if (groups === undefined) return undefined;
    if (groups['name'] === cacheName) return parametersOf(groups['parameters'] ?? '');
  }
  return undefined;
}

function parametersOf(text: string): CacheStatus {
  return new Map(
    [...text.matchAll(parameterPattern)].map(({ groups = {} }) => [
      groups['name'] ?? '',
      groups['token'] ?? groups['text']?.replaceAll(/\\(.)/gu, '$1') ?? '',
    ]),
  );
}

/** Where a value came from: the memory of the instance, Redis, or the origin, which had it or said that it is current. */
export type ValueSource = 'memory' | 'redis' | 'origin';

export function sourceOf(status: CacheStatus): ValueSource {
  if (status.has('fwd-status')) return 'origin';
  return /^(?:memory|stale-memory|cache-unavailable)$/u.test(status.get('detail') ?? '') ? 'memory' : 'redis';
}

/** Seconds of freshness left, negative once it is stale; undefined where its lifetime is not known. */
export function ttlSecondsOf(status: CacheStatus): number | undefined {
  const ttl = status.get('ttl');
  return ttl === undefined || !/^-?\d{1,15}$/u.test(ttl) ? undefined : Number(ttl);
}

/** Whether it is past its lifetime, or was purged. */
export function isStale(status: CacheStatus): boolean {
  return (
    (ttlSecondsOf(status) ?? 0) < 0 || /^(?:stale|stale-memory|purged)$/u.test(status.get('detail') ?? '')
  );
}
