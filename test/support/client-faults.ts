// What a Redis client of a package user's goes through with tokens of 6 seconds, one fault after the other, under steady
// work, and what was seen of it.

import { expect } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import type { KeeperStatus } from '../../src/auth/token-keeper.ts';
import type { TokenCredentialLike } from '../../src/auth/token-source.ts';
import { eventually, sleep } from './eventually.ts';
import { leakedPart } from './scenario.ts';
import { failed, steadyReads, type ReadOutcome } from './steady-reads.ts';
import { startControl } from './timing.ts';

export const tokenLifetimeMs = 6000;

export interface ClientInTrouble {
  readonly stack: Stack;
  readonly status: () => { readonly token: KeeperStatus };
  /** One piece of work, 20 times a second; rejects where it fails, or is wrong. */
  readonly work: () => Promise<void>;
  /** Whether its handshake is AUTH (RESP2) and not HELLO: then a server that refuses AUTH refuses that, too. */
  readonly handshakeIsAuth?: boolean;
  /** Whether what is in flight on a connection fails when that is cut. */
  readonly failsWhenCut: boolean;
  /** Connections that send AUTH on a rotation; others are made anew. */
  readonly authenticating: number;
  /** All that it said: its events, its errors. */
  readonly output: () => string;
}

const liveOf = (stack: Stack) => stack.front.connections.filter(({ closedAtMs }) => closedAtMs === undefined);

/** AUTH commands that Redis accepted, without the first of each connection: that was its handshake. */
const reauthenticationsOf = (stack: Stack): number =>
  stack.front.connections.flatMap(({ auths }) => auths.slice(1)).filter(({ accepted }) => accepted).length;

export async function goThroughFaults(client: ClientInTrouble): Promise<void> {
  const { stack, status, failsWhenCut, authenticating } = client;
  const errors = new Map<string, number>();
  const work = async (): Promise<number> => {
    try {
      await client.work();
      return 200;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      errors.set(text, (errors.get(text) ?? 0) + 1);
      return 0;
    }
  };
  // The client, and the parts that it talks to, are in this process.
  using control = startControl(async () => {});
  const running = steadyReads(work, { perSecond: 20, limitMs: 240_000 });
  const failures = () => failed(running.outcomes);
  const said = (): string => JSON.stringify([...errors]);
  const rotations = async (count: number): Promise<void> => {
    const until = status().token.rotations + count;
    await eventually(
      () => expect(status().token.rotations).toBeGreaterThanOrEqual(until),
      4 * count * tokenLifetimeMs,
    );
  };
  /** Every connection has the current token; what had been sent, and adopted, by then. */
  const current = async () =>
    eventually(() => {
      const live = liveOf(stack);
      expect(live.length).toBeGreaterThanOrEqual(authenticating);
      const expiriesAtMs = live.map(({ auths }) => auths.at(-1)?.tokenExpiresAtMs ?? 0);
      expect(
        expiriesAtMs.filter((atMs) => atMs > (status().token.expiresAtMs ?? 0) - 1000).length,
      ).toBeGreaterThanOrEqual(authenticating);
      return { sent: reauthenticationsOf(stack), rotations: status().token.rotations };
    });
  const cut = async (): Promise<void> => {
    const atMs = Date.now();
    const before = failures().length;
    stack.front.cutAll();
    await sleep(1500);
    const failing = failures().slice(before);
    if (!failsWhenCut) expect(failing, said()).toEqual([]);
    const backAtMs = atMs + 1000 + control.longestIn(atMs, Date.now());
    expect(
      failing.filter((outcome) => outcome.atMs > backAtMs),
      said(),
    ).toEqual([]);
  };
  /** One AUTH for each connection. */
  const oneRotation = async (): Promise<void> => {
    const fromMs = Date.now();
    const before = await current();
    await rotations(1);
    const after = await current();
    const due = (after.rotations - before.rotations) * authenticating;
    expect(after.sent - before.sent).toBeLessThanOrEqual(due);
    if (wasPrompt(fromMs)) expect(after.sent - before.sent).toBe(due);
  };
  /** No token ended because this process did not get to it. */
  const wasPrompt = (fromMs: number): boolean => control.longestIn(fromMs, Date.now()) < 1000;
  const expectNone = (seen: readonly ReadOutcome[], fromMs: number): void => {
    if (wasPrompt(fromMs)) expect(seen, said()).toEqual([]);
  };
  const unharmed = async (fault: () => Promise<void>): Promise<void> => {
    const [before, fromMs] = [failures().length, Date.now()];
    await fault();
    expectNone(failures().slice(before), fromMs);
  };

  try {
    await eventually(() => expect(running.outcomes.at(-1)?.status).toBe(200));
    await unharmed(oneRotation);
    for (let times = 0; times < 2; times += 1) await cut();
    await unharmed(oneRotation);
    // The token before the current one is worth nothing any more.
    await stack.front.revoke(stack.issuer.issued.at(-2) ?? '');
    await cut();
    // The identity endpoint fails from before a renewal is due to shortly before the token's end.
    await unharmed(async () => {
      await rotations(1);
      stack.identity.setBehaviour('fail');
      await sleep((status().token.timeLeftMs ?? 0) - 2000);
      stack.identity.setBehaviour('normal');
      await rotations(1);
      await current();
    });
    // AUTH is refused on live connections: until it is allowed again, or until the server ends them.
    const [beforeRefusal, refusedAtMs] = [failures().length, Date.now()];
    const endsInMs = status().token.timeLeftMs ?? 0;
    stack.front.setBehaviour('refuse-auth');
    await sleep(endsInMs + (client.handshakeIsAuth ? -1000 : 500));
    stack.front.setBehaviour('normal');
    await current();
    if (!failsWhenCut) expectNone(failures().slice(beforeRefusal), refusedAtMs);
    await unharmed(async () => sleep(500));
    const outcomes = await running.stop();
    expect(failed(outcomes).length, said()).toBeLessThan(outcomes.length / 20);
    expect(leakedPart(`${said()}${client.output()}`, stack.issuer.issued)).toBeUndefined();
  } finally {
    stack.identity.setBehaviour('normal');
    stack.front.setBehaviour('normal');
    await running.stop();
  }
}

/** Asks the stack's identity endpoint, once for each call. */
export function credentialOf({ identity }: Pick<Stack, 'identity'>): TokenCredentialLike {
  return {
    async getToken(scope) {
      const resource = encodeURIComponent(scope.replace('/.default', ''));
      const response = await fetch(`${identity.url}?api-version=2019-08-01&resource=${resource}`, {
        headers: { 'x-identity-header': identity.header },
      });
      if (!response.ok) throw new Error(`The identity endpoint answered ${response.status}.`);
      const body = (await response.json()) as { access_token: string; expires_on: string };
      return { token: body.access_token, expiresOnTimestamp: Number(body.expires_on) * 1000 };
    },
  };
}
