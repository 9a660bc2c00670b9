// Which apps of this project use one cache: each enters itself where all can read it, so that one whose keys can meet
// another's is warned of. Advisory: where it may not be written, nobody is warned.

import type { Clock } from '../util/clock.ts';
import { ownName } from '../redis/own-name.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';

/** One app, however many instances it has: what Azure calls a site. */
export interface AppIdentity {
  /** The Function App's name; undefined elsewhere, where its settings are all that tells it from others. */
  readonly site: string | undefined;
  readonly namespace: string;
  readonly keyPrefix: string;
}

export interface NeighboursOptions {
  readonly app: AppIdentity;
  readonly redis: Redis;
  readonly clock: Clock;
  readonly emit: Emit;
  /** A number in [0, 1). */
  readonly random: () => number;
}

// One for all apps, whatever their namespace. No key that comes over HTTP contains a control character.
const key = ownName('redis-entra-functions', 'apps');
const enterEveryMs = 12 * 3_600_000;
const retryMs = 5 * 60_000;
const forgottenAfterMs = 48 * 3_600_000;
const maxApps = 100;
const maxTextLength = 1024;
const commandLimitMs = 30_000;
// The first requests come first.
const longestDelayMs = 5000;

// A field of the hash is `<server's ms> <app>`. ARGV: name of the app, app.
const enterScript = `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local others = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local seen, app = string.match(fields[i + 1], '^(%d+) (.*)$')
  local age = seen and now - tonumber(seen)
  if not age or age > ${forgottenAfterMs} or age < -${forgottenAfterMs} then redis.call('HDEL', KEYS[1], fields[i])
  elseif fields[i] ~= ARGV[1] then others[#others + 1] = app end
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HLEN', KEYS[1]) < ${maxApps} then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ${forgottenAfterMs})
return others`;

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #told = new Set<string>();
  #cancel = (): void => {};
  #stopped = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Enters the app once the first connection is there, and again as long as it runs. */
  start(): void {
    this.#enterAfter(this.#options.random() * longestDelayMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #enterAfter(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.after(delayMs, () => void this.#turn());
  }

  async #turn(): Promise<void> {
    // What has failed has events of its own: refusals, outages.
    const everyMs = await this.#enter().then(
      () => enterEveryMs,
      () => retryMs,
    );
    this.#enterAfter(everyMs * (0.9 + this.#options.random() * 0.1));
  }

  async #enter(): Promise<void> {
    const { app, redis, clock, emit } = this.#options;
    const parameters = [nameOf(app), JSON.stringify(app)];
    const reply = await redis.run(
      (client) => client.eval(enterScript, { keys: [key], arguments: parameters }),
      { key, deadlineAtMs: clock.nowMs() + commandLimitMs, idempotent: true },
    );
    for (const other of parseApps(reply)) {
      const name = nameOf(other);
      const reason = whatIsShared(app, other);
      if (reason === undefined || this.#told.has(name)) continue;
      this.#told.add(name);
      emit({ type: 'cacheShared', app: name, reason });
    }
  }
}

/** What two apps on one cache can do to each other, and what keeps them apart; undefined where nothing meets. */
export function whatIsShared(app: AppIdentity, other: AppIdentity): string | undefined {
  const [mine, theirs] = [app.keyPrefix, other.keyPrefix];
  const faults: string[] = [];
  if (mine.startsWith(theirs) || theirs.startsWith(mine)) {
    const effect = mine === theirs ? "each reads and writes the other's" : "one reads and writes the other's";
    faults.push(
      `CACHE_KEY_PREFIX is ${said(mine)} here and ${said(theirs)} there, so ${effect} entries: give each its own, of which none begins with another's, such as "shop:"`,
    );
  }
  if (app.namespace === other.namespace) {
    faults.push(
      `APP_NAMESPACE is ${said(app.namespace)} in both, so a roll call counts the instances of both: give each its own`,
    );
  }
  return faults.length === 0 ? undefined : `${faults.join('. ')}.`;
}

function said(text: string): string {
  return text === '' ? 'empty' : JSON.stringify(text);
}

/** The same for all instances of an app, also while its settings are being changed. */
function nameOf({ site, namespace, keyPrefix }: AppIdentity): string {
  return site ?? `${namespace} ${JSON.stringify(keyPrefix)}`;
}

function parseApps(reply: unknown): readonly AppIdentity[] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((text: unknown) => (typeof text === 'string' ? (parseApp(text) ?? []) : []));
}

/** Undefined for anything else: whoever may write to the cache may have written it. */
function parseApp(text: string): AppIdentity | undefined {
  try {
    const { site, namespace, keyPrefix } = JSON.parse(text) as Record<string, unknown>;
    if ((site !== undefined && !isText(site)) || !isText(namespace) || !isText(keyPrefix)) return undefined;
    return { site, namespace, keyPrefix };
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxTextLength;
}
