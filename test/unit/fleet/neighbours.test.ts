import { beforeEach, expect, it } from 'vitest';
import { Neighbours } from '../../../src/fleet/neighbours.ts';
import type { AppIdentity } from '../../../src/fleet/app-identity.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const hourMs = 3_600_000;
const shop = JSON.stringify({ site: 'shop', namespace: 'shop', keyPrefix: '' });

let clock: FakeClock;
let events: AppEvent[];
/** When the app was entered, after the start. */
let enteredAtMs: number[];
let answer: () => Promise<unknown>;
let app: AppIdentity | undefined;

beforeEach(() => {
  clock = new FakeClock();
  events = [];
  enteredAtMs = [];
  answer = async () => [];
  app = { site: 'news', namespace: 'news', keyPrefix: 'news:' };
});

function start(random = 0): Neighbours {
  const startedAtMs = clock.nowMs();
  return new Neighbours({
    app: () => app,
    redis: {
      async run<T>(): Promise<T> {
        enteredAtMs.push(clock.nowMs() - startedAtMs);
        return (await answer()) as T;
      },
    },
    clock,
    emit: (event) => void events.push(event),
    random: () => random,
  });
}

it('enters the app within 5 s of the start, and again about twice a day', async () => {
  start(0.5);
  await clock.advance(24 * hourMs);
  expect(enteredAtMs).toEqual([2500, 2500 + 11.4 * hourMs, 2500 + 22.8 * hourMs]);
});

it('enters an app when it has a cache, and nothing before', async () => {
  const later = app;
  app = undefined;
  start();
  await clock.advance(200_000);
  app = later;
  await clock.advance(100_000);
  expect(enteredAtMs).toEqual([270_000]);
});

it('tries again after 5 minutes where it could not', async () => {
  answer = async () => {
    throw new AppError('redis-unavailable', 'away');
  };
  start();
  await clock.advance(300_000);
  expect(enteredAtMs).toEqual([0, 270_000]);
});

it('warns of each app whose keys can meet its own, once', async () => {
  answer = async () => [shop];
  start();
  await clock.advance(12 * hourMs);
  expect(enteredAtMs).toHaveLength(2);
  expect(events).toMatchObject([{ type: 'cacheShared', app: 'shop' }]);
});

it.each([
  ['an app that shares nothing', ['{"site":"other","namespace":"other","keyPrefix":"other:"}']],
  ['what is no app', ['{', 7]],
  ['an answer that is no list', 'odd'],
])('warns of nothing where there is %s', async (_what, reply) => {
  answer = async () => reply;
  start();
  await clock.advance(1000);
  expect(enteredAtMs).toHaveLength(1);
  expect(events).toEqual([]);
});

it.each([
  ['before it has entered', 0.5],
  ['while it enters', 0],
])('does nothing more when it is stopped %s', async (_when, random) => {
  let reply = (_apps: unknown): void => {};
  answer = () => new Promise((resolve) => (reply = resolve));
  const neighbours = start(random);
  await clock.advance(0);
  neighbours.stop();
  reply([]);
  await clock.advance(24 * hourMs);
  expect(enteredAtMs).toHaveLength(random === 0 ? 1 : 0);
  expect(clock.pendingTimers).toBe(0);
});
