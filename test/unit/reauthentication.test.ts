import { beforeEach, describe, expect, it } from 'vitest';
import type { Token } from '../../src/auth/token.ts';
import { TokenKeeper } from '../../src/auth/token-keeper.ts';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import type { Connection } from '../../src/redis/connection.ts';
import { Reauthentication } from '../../src/redis/reauthentication.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { ScriptedSource, tokenOf } from '../support/tokens.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let clock: FakeClock;
let source: ScriptedSource;
let keeper: TokenKeeper;
let reauthentication: Reauthentication;
/** When each AUTH was sent, and each successor begun. */
let authsAtMs: number[];
let replacementsAtMs: number[];
/** What AUTH is answered with, and what happens before that. */
let answer: ErrorCode | undefined;
let meanwhile: () => Promise<void>;
let token: Token;
let isLive: boolean;
let connection: Connection;

beforeEach(async () => {
  clock = new FakeClock();
  source = new ScriptedSource();
  const parts = { clock, random: () => 0, emit: () => {} };
  keeper = new TokenKeeper({ source, ...parts });
  authsAtMs = [];
  answer = undefined;
  meanwhile = async () => {};
  isLive = true;
  replacementsAtMs = [];
  const replace = (): Promise<boolean> => {
    replacementsAtMs.push(clock.nowMs());
    return Promise.resolve(false);
  };
  reauthentication = new Reauthentication({ keeper, ...parts, replace });
  keeper.onRotation(() => void reauthentication.keep(connection));
  token = tokenOf(clock.nowMs(), dayMs);
  const reauthenticate = async (next: Token): Promise<void> => {
    authsAtMs.push(clock.nowMs());
    await meanwhile();
    if (answer !== undefined) throw new AppError(answer, 'refused');
    token = next;
  };
  const scripted = {
    id: 1,
    get token() {
      return token;
    },
    get isLive() {
      return isLive;
    },
    reauthenticate,
  };
  connection = scripted as unknown as Connection;
  keeper.start();
  source.take().answer(token);
  await settle();
});

async function rotate(): Promise<void> {
  while (source.pending.length === 0) await clock.advance(60_000);
  source.take().answer(tokenOf(clock.nowMs(), dayMs));
  await settle();
}

const pauses = (timesMs: readonly number[]): number[] =>
  timesMs.slice(1).map((atMs, index) => atMs - (timesMs[index] ?? 0));

describe('AUTH on a live connection', () => {
  it('is repeated ever less often while the identity is rejected', async () => {
    answer = 'redis-rejected-identity';
    await rotate();
    await clock.advance(5 * 60_000);
    expect(pauses(authsAtMs).slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(reauthentication.counts.reauthenticationsFailed).toBe(authsAtMs.length);
  });

  it('is repeated within half a second while it is Redis that fails', async () => {
    answer = 'connection-lost';
    await rotate();
    await clock.advance(60_000);
    expect(Math.max(...pauses(authsAtMs))).toBeLessThanOrEqual(500);
  });

  it('is sent at once with a later token, however long the pause after a rejection', async () => {
    answer = 'redis-rejected-identity';
    await rotate();
    await clock.advance(60_000);
    answer = undefined;
    const renewed = keeper.renew();
    const next = tokenOf(clock.nowMs(), dayMs);
    source.take().answer(next);
    await renewed;
    await settle();
    expect(token).toBe(next);
    await reauthentication.settled();
  });

  it('is sent at once with a later token, also where that comes while AUTH is under way', async () => {
    answer = 'redis-rejected-identity';
    await rotate();
    await clock.advance(60_000);
    const next = tokenOf(clock.nowMs(), dayMs);
    meanwhile = async () => {
      meanwhile = async () => {};
      const renewed = keeper.renew();
      source.take().answer(next);
      await renewed;
    };
    const sent = authsAtMs.length;
    while (authsAtMs.length === sent) await clock.advance(500);
    await settle();
    expect(keeper.current()).toBe(next);
    expect(pauses(authsAtMs).at(-1)).toBe(0);
  });

  it('is not waited for any more once its connection is lost', async () => {
    answer = 'redis-rejected-identity';
    await rotate();
    await clock.advance(60_000);
    isLive = false;
    void reauthentication.keep(connection);
    await reauthentication.settled();
    const sent = authsAtMs.length;
    await clock.advance(60_000);
    expect(authsAtMs).toHaveLength(sent);
  });

  it('and successors are tried up to the end of the old token, and not in a rush', async () => {
    answer = 'redis-rejected-identity';
    await rotate();
    const endsAtMs = token.expiresAtMs;
    await clock.advance(endsAtMs - clock.nowMs());
    expect(replacementsAtMs.length).toBeGreaterThan(5);
    expect(replacementsAtMs.length).toBeLessThan(30);
    expect(endsAtMs - (replacementsAtMs.at(-1) ?? 0)).toBeLessThan(1000);
  });
});
