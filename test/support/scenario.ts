// One token scenario: the packaged app under steady reads with tokens of 6 seconds, told to survive something, and
// what was seen.

import { expect } from 'vitest';
import type { TokenServiceBehaviourName } from '../../local/token-desk.ts';
import type { LocalRedis } from '../../local/redis-server.ts';
import type { AnyStack } from '../../local/stack.ts';
import { serversOf } from './caches.ts';
import { eventually, sleep } from './eventually.ts';
import { startLocalApp, type LocalApp, type LocalAppOptions } from './local-app.ts';
import { failed, steadyReads, troubled, type ReadOutcome } from './steady-reads.ts';
import { lateMs, startControl } from './timing.ts';

export const tokenLifetimeMs = 6000;
/** Each goes through TLS, and four scenarios share two cores. */
export const readsPerSecond = 50;

/** How long a read may take that nothing keeps from Redis. The app has more time, and does not answer 503 by itself. */
const promptMs = 2000;

/** Until a cache that is back is used again. */
export const recoveryMs = 1000 + lateMs;
/** How long no read may fail any more once an outage is over. */
export const afterwardsMs = 2000;

/** Read in turn; on a cluster they are in all shards. */
const keys = Array.from({ length: 8 }, (_, index) => `steady-${index}`);

export interface Scenario {
  readonly app: LocalApp<AnyStack>;
  /** Resolves when every instance has adopted so many tokens after its first. */
  readonly rotations: (count: number) => Promise<void>;
  /** Cuts all connections when every read has been answered that was in flight at the cut before. */
  readonly cutAll: () => Promise<void>;
  /** Expiry of the latest token that Redis has accepted. */
  readonly tokenExpiresAtMs: () => number;
  /** Tells the identity endpoint to misbehave in each token's life from `fromMs` to `toMs` before its expiry. */
  readonly misbehave: (behaviour: TokenServiceBehaviourName, fromMs: number, toMs: number) => void;
}

export interface Observed {
  readonly app: LocalApp<AnyStack>;
  readonly outcomes: readonly ReadOutcome[];
  readonly failed: readonly ReadOutcome[];
  /** Those that failed, and those that took longer than a read may on this machine at that time. */
  readonly troubled: readonly ReadOutcome[];
  /** Tokens adopted after the first. */
  readonly rotations: number;
  /** AUTH commands (not handshakes) that Redis accepted. */
  readonly auths: number;
  readonly rejectedAuths: number;
  /** Calls of the identity endpoint after the first. */
  readonly endpointCalls: number;
  /** The longest that what asks nothing but the app, or the process that measures, had to wait for the machine. */
  readonly heldUpMs: number;
  /** The longest that a Redis server which was up had to wait for the machine. */
  readonly redisHeldUpMs: number;
  /** Everything that the app said: its log and all bodies and headers of the health routes. */
  readonly output: string;
}

export interface ScenarioOptions extends LocalAppOptions<AnyStack> {
  readonly cluster?: boolean;
}

/**
 * Runs `trouble` under steady reads, which end with it; checks what holds in every scenario, and returns what was seen.
 */
export async function runScenario(
  trouble: (scenario: Scenario) => Promise<void>,
  options: ScenarioOptions = {},
): Promise<Observed> {
  await using app = await startLocalApp({ tokenLifetimeMs, ...options });
  const { stack, host } = app;
  for (const key of keys) await app.fetch(`/api/cache/${key}?ttl=3600`, { method: 'PUT', body: 'value' });
  const startedAtMs = Date.now();
  let reading = 0;
  const read = async (): Promise<number> => {
    const response = await app.fetch(`/api/cache/${keys[(reading += 1) % keys.length] ?? ''}`);
    const body = await response.text();
    return response.status === 200 && body !== 'value' ? 0 : response.status;
  };
  using control = startControl(async () => (await app.fetch('/api/health/live')).text());
  using redisControl = startControl(pingInTurn(stack.redis));
  const reads = steadyReads(read, { perSecond: readsPerSecond, limitMs: 120_000 });
  const tokenExpiresAtMs = (): number =>
    Math.max(
      ...stack.front.connections.flatMap(({ auths }) => auths.map((auth) => auth.tokenExpiresAtMs ?? 0)),
    );
  let watching: NodeJS.Timeout | undefined;
  let cutAtMs = 0;
  const scenario: Scenario = {
    app,
    rotations: async (count) => {
      const adopted = host.instances.length * (count + 1);
      await eventually(
        () => expect(rotationsOf(app)).toBeGreaterThanOrEqual(adopted),
        4 * count * tokenLifetimeMs,
      );
    },
    async cutAll() {
      await eventually(() => expect(reads.oldestAtMs).toBeGreaterThan(cutAtMs));
      cutAtMs = Date.now();
      stack.front.cutAll();
    },
    tokenExpiresAtMs,
    misbehave(behaviour, fromMs, toMs) {
      let bad = false;
      watching = setInterval(() => {
        const leftMs = tokenExpiresAtMs() - Date.now();
        const shouldBeBad = leftMs <= fromMs && leftMs > toMs;
        if (shouldBeBad !== bad) stack.identity.setBehaviour(shouldBeBad ? behaviour : 'normal');
        bad = shouldBeBad;
      }, 10);
    },
  };
  try {
    await trouble(scenario);
    clearInterval(watching);
    stack.identity.setBehaviour('normal');
    const outcomes = await reads.stop();
    const readForMs = Date.now() - startedAtMs;
    const heldUpMs = control.longestMs;
    const redisHeldUpMs = redisControl.longestMs;
    await untilNoRotation(app);
    const health = await app.fetch('/api/health/ready');
    const said = `${JSON.stringify([...health.headers])}${await health.text()}`;
    const lines = host.logs().map(({ source, level, message }) => `${source} ${level} ${message}`);
    const observed: Observed = {
      app,
      outcomes,
      failed: failed(outcomes),
      troubled: troubled(outcomes, promptMs, control),
      rotations: lines.filter((line) => line.includes('tokenRotated ')).length - host.instances.length,
      auths: authsOf(app),
      rejectedAuths: stack.front.stats.authsRejected,
      heldUpMs,
      redisHeldUpMs,
      endpointCalls: stack.identity.calls.length - host.instances.length,
      output: `${lines.join('\n')}\n${said}`,
    };
    // On a machine that had the time, half of them at least.
    const least = heldUpMs < 500 ? readsPerSecond / 2 : 1;
    expect(outcomes.length).toBeGreaterThan((least * readForMs) / 1000);
    expect(host.crashes).toBe(0);
    expect(leakedPart(observed.output, stack.issuer.issued)).toBeUndefined();
    return observed;
  } finally {
    clearInterval(watching);
    await reads.stop();
  }
}

/** The machine got to everything soon enough for tokens of 6 s, which are renewed at half of their lives. */
export const wasPrompt = ({ heldUpMs, redisHeldUpMs }: Observed): boolean =>
  Math.max(heldUpMs, redisHeldUpMs) < 500;

/** Asks one server at a time, each as the administrator, past the front. */
function pingInTurn(redis: LocalRedis): () => Promise<unknown> {
  const servers = serversOf(redis);
  let turn = 0;
  return async () => servers[(turn += 1) % servers.length]?.admin('PING');
}

/**
 * That each rotation was one AUTH on each of the connections that every instance keeps. Where the machine let time pass,
 * one may be lost, or opened late, and begins with the token of that time; and an AUTH that was not answered is repeated.
 */
export function expectOneAuthEach(seen: Observed, connections: number): void {
  if (!wasPrompt(seen)) return;
  for (const { auths } of seen.app.stack.front.connections)
    expect(new Set(auths.map(({ tokenExpiresAtMs }) => tokenExpiresAtMs)).size).toBe(auths.length);
  expect(seen.auths).toBe(seen.rotations * connections);
}

/** Whether Redis itself lacks a key that is read: then 404 is the truth about it. */
export async function hasLostKeys({ stack }: LocalApp<AnyStack>): Promise<boolean> {
  return !(await allAreThere(stack));
}

/** Asked again while a cluster is not sure of itself. */
async function allAreThere({ redis }: AnyStack): Promise<boolean> {
  const values = await eventually(() => Promise.all(keys.map(async (key) => redis.admin('GET', key))));
  return values.every((value) => value === 'value');
}

/**
 * After a Redis that kept nothing has come back: somebody fills it again. A replica that takes over from a
 * primary while both are starting keeps nothing either, so it is looked at until it stays.
 */
export async function refill({ stack }: LocalApp<AnyStack>): Promise<void> {
  for (let checks = 0; checks < 3;) {
    const isThere = await allAreThere(stack);
    checks = isThere ? checks + 1 : 0;
    if (isThere) await sleep(500);
    else for (const key of keys) await eventually(() => stack.redis.admin('SET', key, 'value'));
  }
}

/** Waits until the app has adopted its next token, and every live connection has it. */
export async function nextRotation(app: LocalApp<AnyStack>): Promise<void> {
  const before = rotationsOf(app);
  await eventually(() => expect(rotationsOf(app)).toBeGreaterThan(before));
  await eventually(() => {
    const live = app.stack.front.connections.filter(({ closedAtMs }) => closedAtMs === undefined);
    const expiriesAtMs = live.map(({ auths }) => auths.at(-1)?.tokenExpiresAtMs ?? 0);
    expect(Math.min(...expiriesAtMs)).toBeGreaterThan(adoptedExpiryAtMs(app) - 1000);
  });
}

/** Of the token that the app adopted last. */
function adoptedExpiryAtMs({ host }: LocalApp<AnyStack>): number {
  const last = host.logs().findLast(({ message }) => message.startsWith('tokenRotated '));
  const { expiresAt } = JSON.parse(last?.message.slice('tokenRotated '.length) ?? '{}') as {
    expiresAt: string;
  };
  return Date.parse(expiresAt);
}

function rotationsOf({ host }: LocalApp<AnyStack>): number {
  return host.logs().filter(({ message }) => message.startsWith('tokenRotated ')).length;
}

/** Without handshakes. */
function authsOf({ stack }: LocalApp<AnyStack>): number {
  return stack.front.connections
    .flatMap(({ auths }) => auths)
    .filter(({ command, accepted }) => command === 'AUTH' && accepted).length;
}

/** Between two rotations: none of which the AUTHs are still on their way. */
async function untilNoRotation(app: LocalApp<AnyStack>): Promise<void> {
  await eventually(async () => {
    const before = [rotationsOf(app), authsOf(app)];
    for (let looks = 0; looks < 3; looks += 1) {
      await sleep(150);
      expect([rotationsOf(app), authsOf(app)]).toEqual(before);
    }
  });
}

/** The first 20 consecutive characters of a token that stand in `output`; undefined where none do. */
export function leakedPart(output: string, tokens: readonly string[]): string | undefined {
  const length = 20;
  const windows = new Set<string>();
  for (let at = 0; at + length <= output.length; at += 1) windows.add(output.slice(at, at + length));
  for (const token of tokens) {
    for (let at = 0; at + length <= token.length; at += 1) {
      const part = token.slice(at, at + length);
      if (windows.has(part)) return part;
    }
  }
  return undefined;
}

/** The most events in any second. */
export function peakPerSecond(timesMs: readonly number[]): number {
  return Math.max(
    0,
    ...timesMs.map((fromMs) => timesMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1000).length),
  );
}
