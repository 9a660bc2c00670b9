import { beforeEach, describe, expect, it } from 'vitest';
import { marginMs } from '../../../src/auth/refresh-policy.ts';
import type { Token } from '../../../src/auth/token.ts';
import { TokenKeeper } from '../../../src/auth/token-keeper.ts';
import { AppError, type ErrorCode } from '../../../src/util/errors.ts';
import { Admission } from '../../../src/redis/admission.ts';
import type { Connection } from '../../../src/redis/connection.ts';
import { Reauthentication } from '../../../src/redis/reauthentication.ts';
import type { AppEvent, AppEventType } from '../../../src/telemetry/events.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { ScriptedSource, tokenOf } from '../../support/tokens.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let clock: FakeClock;
let source: ScriptedSource;
let keeper: TokenKeeper;
let reauthentication: Reauthentication<Connection>;
let admission: Admission;
/** When each AUTH was sent, and each successor begun. */
let authsAtMs: number[];
let replacementsAtMs: number[];
/** What AUTH is answered with, and what happens before that. */
let answer: ErrorCode | undefined;
/** The token that is answered so; all of them where undefined. */
let refused: Token | undefined;
let sent: Token[];
let meanwhile: () => Promise<void>;
let token: Token;
let isLive: boolean;
let counts: { reauthenticated: number; reauthenticationsFailed: number };
let told: AppEventType[];
let connection: Connection;

beforeEach(async () => {
  clock = new FakeClock();
  source = new ScriptedSource();
  told = [];
  const parts = { clock, random: () => 0, emit: ({ type }: AppEvent) => void told.push(type) };
  keeper = new TokenKeeper({ source, ...parts });
  authsAtMs = [];
  answer = undefined;
  refused = undefined;
  sent = [];
  meanwhile = async () => {};
  isLive = true;
  replacementsAtMs = [];
  const replace = (): Promise<boolean> => {
    replacementsAtMs.push(clock.nowMs());
    return Promise.resolve(false);
  };
  counts = { reauthenticated: 0, reauthenticationsFailed: 0 };
  admission = new Admission({ keeper, ...parts });
  reauthentication = new Reauthentication({ keeper, admission, counts, ...parts, replace });
  keeper.onRotation(() => reauthentication.ensureCurrent(connection));
  token = tokenOf(clock.nowMs(), dayMs);
  const reauthenticate = async (next: Token): Promise<void> => {
    authsAtMs.push(clock.nowMs());
    sent.push(next);
    await meanwhile();
    if (answer !== undefined && (refused ?? next) === next) throw new AppError(answer, 'refused');
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
    fail() {
      isLive = false;
    },
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
    expect(counts.reauthenticationsFailed).toBe(authsAtMs.length);
    expect(told.filter((type) => type === 'connectionReauthenticationFailed')).toHaveLength(authsAtMs.length);
  });

  it('is repeated within half a second while it is Redis that fails', async () => {
    answer = 'connection-lost';
    await rotate();
    await clock.advance(60_000);
    expect(Math.max(...pauses(authsAtMs))).toBeLessThanOrEqual(500);
  });

  it('that is lost with its connection has not failed: the loss is told by itself', async () => {
    answer = 'connection-lost';
    meanwhile = async () => {
      isLive = false;
    };
    await rotate();
    await clock.advance(60_000);
    expect(authsAtMs).toHaveLength(1);
    expect(told).not.toContain('connectionReauthenticationFailed');
    expect(counts).toEqual({ reauthenticated: 0, reauthenticationsFailed: 0 });
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
    const before = authsAtMs.length;
    while (authsAtMs.length === before) await clock.advance(500);
    await settle();
    expect(keeper.current()).toBe(next);
    expect(pauses(authsAtMs).at(-1)).toBe(0);
  });

  it('is not waited for any more once its connection is lost', async () => {
    answer = 'redis-rejected-identity';
    await rotate();
    await clock.advance(60_000);
    isLive = false;
    reauthentication.ensureCurrent(connection);
    await reauthentication.settled();
    const before = authsAtMs.length;
    await clock.advance(60_000);
    expect(authsAtMs).toHaveLength(before);
  });

  it('and successors are tried up to the end of the old token, and not in a rush', async () => {
    answer = 'redis-rejected-identity';
    await rotate();
    const endsAtMs = token.expiresAtMs;
    await clock.advance(endsAtMs - clock.nowMs());
    // The first one as soon as the margin for it begins, whatever pause there was.
    expect(replacementsAtMs[0]).toBe(endsAtMs - marginMs(token));
    expect(replacementsAtMs.length).toBeGreaterThan(5);
    expect(replacementsAtMs.length).toBeLessThan(30);
    expect(endsAtMs - (replacementsAtMs.at(-1) ?? 0)).toBeLessThan(1000);
  });

  it('and the first successor as early where the later token has a shorter life', async () => {
    answer = 'redis-rejected-identity';
    const endsAtMs = token.expiresAtMs;
    while (source.pending.length === 0) await clock.advance(60_000);
    source.take().answer(tokenOf(endsAtMs - 100_000, 400_000));
    await clock.advance(endsAtMs - clock.nowMs());
    expect(replacementsAtMs[0]).toBe(endsAtMs - marginMs(token));
  });
});

describe('a newer token that is refused on a connection whose own was let in', () => {
  let first: Token;
  let second: Token;

  beforeEach(async () => {
    first = token;
    admission.accepted(first);
    while (source.pending.length === 0) await clock.advance(60_000);
    second = tokenOf(clock.nowMs(), dayMs);
    answer = 'redis-rejected-identity';
    refused = second;
    source.take().answer(second);
    await settle();
  });

  it('is followed at once by the one that was let in: the server may have forgotten that', () => {
    expect(sent).toEqual([second, first]);
    expect(token).toBe(first);
    expect(isLive).toBe(true);
  });

  it('is offered again ever less often, and all that time the connection goes on', async () => {
    await clock.advance(60_000);
    const offered = authsAtMs.filter((_, index) => sent[index] === second);
    expect(pauses(offered)).toEqual([500, 1000, 2000, 4000, 8000, 16_000]);
    expect(sent.at(-1)).toBe(first);
    expect(isLive).toBe(true);
  });

  it('is taken when another connection has been let in with it, without waiting', async () => {
    await clock.advance(40_000);
    answer = undefined;
    admission.onLetIn(() => reauthentication.ensureCurrent(connection));
    admission.accepted(second);
    await settle();
    expect(token).toBe(second);
    await reauthentication.settled();
  });

  it('is no reason to give the connection up where Redis asks who this is', async () => {
    const { requests } = source;
    const asked = sent.length;
    await reauthentication.restore(connection, clock.nowMs() + 1000);
    expect(sent.slice(asked)).toEqual([first]);
    expect(source.requests).toBe(requests);
    expect(isLive).toBe(true);
  });

  it('is a rejection of the identity where the other one is refused as well', async () => {
    refused = undefined;
    await reauthentication.restore(connection, clock.nowMs() + 1000);
    expect(isLive).toBe(false);
  });

  it.each([hourMs, -hourMs, 30 * hourMs])(
    'is offered on time when the wall jumps by %i ms',
    async (jumpMs) => {
      clock.jumpWall(jumpMs);
      await clock.advance(60_000);
      const offered = authsAtMs.filter((_, index) => sent[index] === second);
      expect(pauses(offered)).toEqual([500, 1000, 2000, 4000, 8000, 16_000]);
      expect(replacementsAtMs).toEqual([]);
    },
  );
});
