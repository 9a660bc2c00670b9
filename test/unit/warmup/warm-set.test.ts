// What origins list, one after the other: whose keys count, how a run continues, and what one that fails does to others.

import { beforeEach, describe, expect, it } from 'vitest';
import { OriginHealth } from '../../../src/origin/origin-health.ts';
import type { Origin } from '../../../src/origin/origin.ts';
import { createOrigins } from '../../../src/origin/origins.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { AppError } from '../../../src/util/errors.ts';
import { listing, type WarmPage, type WarmSet } from '../../../src/warmup/warm-set.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ScriptedOrigin } from '../../support/scripted-origin.ts';

const clock = new FakeClock();
const never = new AbortController().signal;
let events: AppEvent[];
let usual: ScriptedOrigin;
let images: ScriptedOrigin;

beforeEach(() => {
  events = [];
  [usual, images] = [new ScriptedOrigin(clock), new ScriptedOrigin(clock)];
  for (const origin of [usual, images]) {
    origin.pageSize = 2;
    for (const name of ['a', 'b', 'c', 'images/1', 'images/2', 'images/3', 'z']) origin.set(name, 'value');
  }
});

const own = (origin: ScriptedOrigin, name: string) => ({
  origin,
  health: new OriginHealth((event) => void events.push(event), clock, name),
});

/** Two sections: the default container, and that of `images/`. */
function twoContainers(tags?: readonly string[]): WarmSet {
  const rules = [{ prefix: 'images/', origin: own(images, 'images'), tags }];
  return listing(createOrigins(own(usual, 'usual'), rules).listed(''));
}

async function pagesOf(warmSet: WarmSet, token?: string, signal = never): Promise<readonly WarmPage[]> {
  const pages: WarmPage[] = [];
  for await (const page of warmSet.pages(token, signal)) pages.push(page);
  return pages;
}

const namesOf = (pages: readonly WarmPage[]): readonly string[] =>
  pages.flatMap(({ candidates }) => candidates.map(({ name }) => name));

describe('two containers', () => {
  it('are listed one after the other, each with the keys that it serves', async () => {
    expect(namesOf(await pagesOf(twoContainers()))).toEqual([
      'a',
      'b',
      'c',
      'z',
      'images/1',
      'images/2',
      'images/3',
    ]);
  });

  it('continue on any page', async () => {
    const pages = await pagesOf(twoContainers());
    for (const [index, { continuationToken }] of pages.entries()) {
      if (index === pages.length - 1) expect(continuationToken).toBeUndefined();
      else expect(await pagesOf(twoContainers(), continuationToken)).toEqual(pages.slice(index + 1));
    }
  });

  it('have another scope than one of them', () => {
    expect(twoContainers().scope).not.toBe(listing(createOrigins(own(usual, ''), []).listed('')).scope);
  });

  it('do not wait for each other: one that cannot be listed is missing, and reported', async () => {
    usual.failing = true;
    const pages = await pagesOf(twoContainers());
    expect(pages[0]).toMatchObject({ candidates: [], isPartMissing: true });
    expect(namesOf(pages)).toEqual(['images/1', 'images/2', 'images/3']);
    expect(events).toMatchObject([{ type: 'originFailing', origin: 'usual' }]);
  });

  it('fail with the last of them, or where the run has ended', async () => {
    images.failing = true;
    await expect(pagesOf(twoContainers())).rejects.toThrow(AppError);
    expect(events).toMatchObject([{ type: 'originFailing', origin: 'images' }]);
    usual.failing = true;
    await expect(pagesOf(twoContainers(), undefined, AbortSignal.abort())).rejects.toThrow(AppError);
    expect(events).toHaveLength(1);
  });
});

it('what a rule sends to an origin that lists nothing is left out', async () => {
  const silent: Origin = { kind: 'http', load: async (...question) => images.load(...question) };
  const rules = [{ prefix: 'images/', origin: { ...own(images, ''), origin: silent } }];
  const listed = createOrigins(own(usual, ''), rules).listed('');
  expect(namesOf(await pagesOf(listing(listed)))).toEqual(['a', 'b', 'c', 'z']);
});

it('a rule without an origin of its own makes no second listing', async () => {
  const rules = [{ prefix: 'images/', ttlSeconds: 5 }];
  const listed = createOrigins(own(usual, ''), rules).listed('');
  expect(listed).toHaveLength(1);
  expect(namesOf(await pagesOf(listing(listed)))).toHaveLength(7);
});

it('the tags of a rule are among those that a candidate is to have', async () => {
  const candidates = (await pagesOf(twoContainers(['rule']))).flatMap((page) => page.candidates);
  const tagsOf = (wanted: string) => candidates.find(({ name }) => name === wanted)?.listed?.tagging?.tags;
  expect([tagsOf('a'), tagsOf('images/1')]).toEqual([undefined, ['rule']]);
});
