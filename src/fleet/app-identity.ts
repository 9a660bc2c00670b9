// Which app an instance belongs to, and where two apps on one cache get into each other's way.

/** One app, however many instances it has: what Azure calls a site. */
export interface AppIdentity {
  /** The Function App's name; undefined elsewhere, where only its settings tell it from others. */
  readonly site: string | undefined;
  readonly namespace: string;
  readonly keyPrefix: string;
}

const maxTextLength = 1024;

/** The same for all instances of an app, also while its settings are being changed. */
export function nameOf({ site, namespace, keyPrefix }: AppIdentity): string {
  return site ?? `${namespace} ${JSON.stringify(keyPrefix)}`;
}

/** What two apps on one cache share that they should not, and how to separate them; undefined where there is nothing. */
export function conflictOf(app: AppIdentity, other: AppIdentity): string | undefined {
  const [own, others] = [app.keyPrefix, other.keyPrefix];
  const conflicts: string[] = [];
  if (own.startsWith(others) || others.startsWith(own)) {
    const effect = own === others ? "each reads and writes the other's" : "one reads and writes the other's";
    conflicts.push(
      `CACHE_KEY_PREFIX is ${quoted(own)} here and ${quoted(others)} there, so ${effect} entries: give each its own, of which none begins with another's, such as "shop:" (in code: the namespace of createCache)`,
    );
  }
  if (app.namespace === other.namespace) {
    conflicts.push(
      `APP_NAMESPACE is ${quoted(app.namespace)} in both, so a roll call counts the instances of both: give each its own (in code: the namespace of createRedis)`,
    );
  }
  return conflicts.length === 0 ? undefined : `${conflicts.join('. ')}.`;
}

/** Undefined for anything else: whoever may write to the cache may have written it. */
export function parseApp(text: string): AppIdentity | undefined {
  try {
    const { site, namespace, keyPrefix } = JSON.parse(text) as Record<string, unknown>;
    if ((site !== undefined && !isText(site)) || !isText(namespace) || !isText(keyPrefix)) return undefined;
    return { site, namespace, keyPrefix };
  } catch {
    return undefined;
  }
}

function quoted(text: string): string {
  return text === '' ? 'empty' : JSON.stringify(text);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxTextLength;
}
