import { expect, it } from 'vitest';
import { createBlobOrigin } from '../../../../src/origin/blob/blob-origin.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const { signal } = new AbortController();

function originOver(containerUrl: string) {
  const clock = new FakeClock();
  const credential = { getToken: () => new Promise<never>(() => {}) };
  return { clock, origin: createBlobOrigin({ containerUrl, credential, clock, timeLimitMs: 1000 }) };
}

it('sends a token over https only', () => {
  expect(() => originOver('http://account.example/c')).toThrow(TypeError);
});

it('does not ask for a key that no URL can name', async () => {
  const { origin, clock } = originOver('https://account.example/c/');
  expect(await origin.load('a/../b', { maxBytes: 1, signal })).toMatchObject({ kind: 'none' });
  expect(clock.pendingTimers).toBe(0);
});

it('lists its container, named by its URL', () => {
  expect(originOver('https://account.example/c/').origin.listing?.scope).toBe('https://account.example/c');
});

it('fails in time where no token comes, for a load and for a page of a listing', async () => {
  const { origin, clock } = originOver('https://account.example/c');
  const pages = origin.listing?.pages('', { signal }) ?? expect.unreachable();
  for (const asking of [
    () => origin.load('a', { maxBytes: 1, signal }),
    () => pages[Symbol.asyncIterator]().next(),
  ]) {
    const outcome = expect(asking()).rejects.toMatchObject({ code: 'origin-failed' });
    await clock.advance(1000);
    await outcome;
  }
});
