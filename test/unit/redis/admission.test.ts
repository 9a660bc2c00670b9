import { beforeEach, describe, expect, it } from 'vitest';
import { TokenKeeper } from '../../../src/auth/token-keeper.ts';
import type { Token } from '../../../src/auth/token.ts';
import { Admission } from '../../../src/redis/admission.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { ScriptedSource, tokenOf } from '../../support/tokens.ts';

const hourMs = 3_600_000;

let clock: FakeClock;
let source: ScriptedSource;
let keeper: TokenKeeper;
let admission: Admission;
let first: Token;
let letIn: number;

beforeEach(async () => {
  clock = new FakeClock();
  source = new ScriptedSource();
  const parts = { clock, random: () => 0, emit: () => {} };
  keeper = new TokenKeeper({ source, ...parts });
  admission = new Admission({ keeper, ...parts });
  letIn = 0;
  admission.onLetIn(() => (letIn += 1));
  keeper.start();
  first = await bring();
});

/** The credential has another token. */
async function bring(lifetimeMs = hourMs): Promise<Token> {
  if (source.pending.length === 0) void keeper.renew();
  const token = tokenOf(clock.nowMs(), lifetimeMs);
  source.take().answer(token);
  await settle();
  expect(keeper.current()).toBe(token);
  return token;
}

async function rotate(): Promise<Token> {
  await clock.advance(60_000);
  return bring();
}

describe('which token is offered', () => {
  it('is the newest, before and after it was let in', async () => {
    expect(admission.offer()).toBe(first);
    admission.accepted(first);
    const second = await rotate();
    expect(admission.offer()).toBe(second);
  });

  it('is none while none is valid', async () => {
    admission.accepted(first);
    clock.freeze(hourMs);
    expect(admission.offer()).toBeUndefined();
  });

  it('is the one that was let in, while a newer one is refused', async () => {
    admission.accepted(first);
    const second = await rotate();
    expect(admission.refused(second)).toBe(first);
    expect(admission.offer()).toBe(first);
    expect(admission.retryInMs(second)).toBe(500);
  });

  it('is the newer one again after ever longer pauses, up to half a minute', async () => {
    admission.accepted(first);
    const second = await rotate();
    const pausesMs: number[] = [];
    for (let refusals = 0; refusals < 9; refusals += 1) {
      expect(admission.refused(second)).toBe(first);
      pausesMs.push(admission.retryInMs(second));
      await clock.advance(pausesMs.at(-1) ?? 0);
      expect(admission.offer()).toBe(second);
    }
    expect(pausesMs).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('counts what several connections are told at the same time as one refusal', async () => {
    admission.accepted(first);
    const second = await rotate();
    for (let connections = 0; connections < 4; connections += 1) admission.refused(second);
    expect(admission.retryInMs(second)).toBe(500);
  });

  it('is the newer one, and told, when that is let in later', async () => {
    admission.accepted(first);
    const second = await rotate();
    admission.refused(second);
    admission.accepted(first);
    expect(letIn).toBe(0);
    admission.accepted(second);
    expect(letIn).toBe(1);
    expect(admission.offer()).toBe(second);
    expect(admission.retryInMs(second)).toBe(0);
  });

  it('is a third one at once, whatever became of the second', async () => {
    admission.accepted(first);
    const second = await rotate();
    admission.refused(second);
    const third = await rotate();
    expect(admission.offer()).toBe(third);
    expect(admission.refused(third)).toBe(first);
  });

  it('is the newest, refused as it is, when the one that was let in has expired', async () => {
    admission.accepted(first);
    await clock.advance(hourMs / 2);
    const second = await bring(2 * hourMs);
    admission.refused(second);
    await clock.advance(hourMs / 2);
    admission.refused(second);
    expect(admission.offer()).toBe(second);
    expect(admission.refused(second)).toBeUndefined();
  });

  it('is the newest when the one that was let in before is refused as well: there is nothing better', async () => {
    admission.accepted(first);
    const second = await rotate();
    expect(admission.refused(second)).toBe(first);
    expect(admission.refused(first)).toBeUndefined();
    expect(admission.offer()).toBe(second);
  });

  it('is the one before where a node refuses what another let in', async () => {
    admission.accepted(first);
    const second = await rotate();
    admission.accepted(second);
    expect(admission.refused(second)).toBe(first);
    expect(admission.offer()).toBe(first);
  });

  it('is what it is by the monotonic clock', async () => {
    admission.accepted(first);
    const second = await rotate();
    admission.refused(second);
    clock.jumpWall(10 * hourMs);
    expect(admission.offer()).toBe(first);
    clock.jumpWall(-20 * hourMs);
    await clock.advance(500);
    expect(admission.offer()).toBe(second);
  });
});
