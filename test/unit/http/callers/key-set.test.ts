import { beforeAll, describe, expect, it } from 'vitest';
import { KeySet } from '../../../../src/http/callers/key-set.ts';
import type { AppEvent } from '../../../../src/telemetry/events.ts';
import { makeKey, publishedWith, ScriptedTenant, type SigningKey } from '../../../support/caller-tokens.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';

let one: SigningKey;
let two: SigningKey;
beforeAll(async () => {
  [one, two] = await Promise.all([makeKey('one'), makeKey('two')]);
});

function start(answer: ScriptedTenant['answer']) {
  const clock = new FakeClock();
  const tenant = new ScriptedTenant(answer);
  const events: AppEvent[] = [];
  const keySet = new KeySet({ read: tenant.read, clock, emit: (event) => void events.push(event) });
  const find = (kid: string, withinMs = 1800) => keySet.find(kid, clock.nowMs() + withinMs);
  return { clock, tenant, events, keySet, find };
}

const away = new Error('connect ECONNREFUSED');
const minute = 60_000;
const day = 24 * 3600 * 1000;

describe('the keys of a tenant', () => {
  it('are read once, before the first token, for however many ask', async () => {
    const { keySet, tenant, find, events, clock } = start(publishedWith(one));
    keySet.prefetch();
    const found = await Promise.all(Array.from({ length: 100 }, () => find('one')));
    expect(found.map(({ kind }) => kind)).toEqual(Array.from({ length: 100 }, () => 'found'));
    expect(tenant.asked).toBe(1);
    expect(events).toEqual([{ type: 'signingKeysRead', keys: 1, requestMs: 0 }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('are read for an unknown key once a minute, whatever is sent', async () => {
    const { tenant, find, clock } = start(publishedWith(one));
    await find('one');
    for (let second = 0; second < 600; second += 1) {
      const forged = Array.from({ length: 20 }, (_, n) => find(`forged-${second}-${n}`));
      expect(new Set((await Promise.all(forged)).map(({ kind }) => kind))).toEqual(new Set(['unknown']));
      expect(await find('one')).toMatchObject({ kind: 'found' });
      await clock.advance(1000);
    }
    expect(tenant.asked).toBe(10);
  });

  it('are the new ones when they have been rolled over, within a minute', async () => {
    const { tenant, find, clock, events, keySet } = start(publishedWith(one));
    await find('one');
    const changes: number[] = [];
    keySet.onChange(() => changes.push(tenant.asked));
    tenant.answer = publishedWith(one, two);
    expect(await find('two')).toEqual({ kind: 'unknown' });
    await clock.advance(minute);
    expect(await find('two')).toMatchObject({ kind: 'found', key: two.published });
    expect(changes).toEqual([2]);
    expect(events.at(-1)).toEqual({ type: 'signingKeysRead', keys: 2, requestMs: 0 });
    // One that has been withdrawn is gone with the next reading.
    tenant.answer = publishedWith(two);
    await clock.advance(minute);
    expect(await find('three')).toEqual({ kind: 'unknown' });
    expect(await find('one')).toEqual({ kind: 'unknown' });
  });

  it('are read again in the background when they are a day old, and stay the same object where nothing changed', async () => {
    const { tenant, find, clock, keySet, events } = start(publishedWith(one));
    await find('one');
    const { published } = keySet;
    await clock.advance(day - 1);
    await find('one');
    expect(tenant.asked).toBe(1);
    tenant.answer = undefined;
    await clock.advance(1);
    // Nobody waits for it.
    expect(await find('one', 0)).toMatchObject({ kind: 'found' });
    expect(tenant.asked).toBe(2);
    await clock.advance(10_000);
    expect(events.at(-1)).toEqual({
      type: 'signingKeysUnavailable',
      reason: 'it has not answered for 10000 ms',
      keys: 1,
    });
    tenant.answer = publishedWith(one);
    await clock.advance(minute);
    await find('one');
    await settle();
    expect(tenant.asked).toBe(3);
    expect(keySet.published).toBe(published);
  });

  it('go on being used while the authority is away; of another key nobody can say then', async () => {
    const { tenant, find, clock } = start(publishedWith(one));
    await find('one');
    tenant.answer = away;
    await clock.advance(30 * day);
    expect(await find('one')).toMatchObject({ kind: 'found' });
    await settle();
    expect(await find('two')).toEqual({ kind: 'unavailable', retryAfterSeconds: 60 });
    expect(tenant.asked).toBe(2);
    tenant.answer = publishedWith(one, two);
    await clock.advance(minute);
    expect(await find('two')).toMatchObject({ kind: 'found' });
  });

  it('are tried for again while there are none: after 1 s, 2 s, and every 30 s at last', async () => {
    const { tenant, find, clock, events } = start(away);
    expect(await find('one')).toEqual({ kind: 'unavailable', retryAfterSeconds: 1 });
    expect(events).toEqual([{ type: 'signingKeysUnavailable', reason: 'connect ECONNREFUSED', keys: 0 }]);
    const askedAtSeconds: number[] = [];
    for (let second = 1; second <= 150; second += 1) {
      await clock.advance(1000);
      const before = tenant.asked;
      await find('one');
      if (tenant.asked > before) askedAtSeconds.push(second);
    }
    expect(askedAtSeconds).toEqual([1, 3, 7, 15, 31, 61, 91, 121]);
    tenant.answer = publishedWith(one);
    await clock.advance(1000);
    expect(await find('one')).toMatchObject({ kind: 'found' });
  });

  it('are waited for as long as a request has, and read all the same', async () => {
    const { tenant, find, clock } = start(undefined);
    const finding = find('one', 1800);
    await clock.advance(1800);
    expect(await finding).toEqual({ kind: 'unavailable', retryAfterSeconds: 1 });
    const second = find('one', 1800);
    await clock.advance(1800);
    await second;
    expect(tenant.asked).toBe(1);
  });

  it('are given up when the app stops, in flight too', async () => {
    const { tenant, keySet, find, events, clock } = start(undefined);
    keySet.prefetch();
    const finding = find('one');
    keySet.stop();
    expect(await finding).toEqual({ kind: 'unavailable', retryAfterSeconds: 1 });
    keySet.prefetch();
    expect(await find('one')).toMatchObject({ kind: 'unavailable' });
    expect(tenant.asked).toBe(1);
    expect(events).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});
