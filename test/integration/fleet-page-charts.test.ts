// The charts of the fleet page in a real Chromium: they draw what the API says, for fleets of any size, and stay still.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium, titleInChromium } from '../support/chromium.ts';
import { contrastsOf } from '../support/contrast.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { showFleet } from '../support/shown-fleet.ts';

interface Counts {
  readonly hitRatio: number | null;
  readonly reads: Readonly<Record<string, number>>;
  readonly loads: number;
  readonly loadsFailed: number;
  readonly latencyMs: { readonly request: { readonly p50: number; readonly p95: number } | null };
}
interface Answer {
  readonly instances: readonly {
    readonly id: string;
    readonly measures: Counts;
    readonly history: readonly { readonly hitRatio: number | null }[];
  }[];
  readonly minutes: readonly (Counts & { readonly at: string })[];
  readonly totals: Counts;
}

/** Before anything else on the page: what moved, and what was added or taken away. */
const watch = `
  globalThis.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) shifts.push(value);
  }).observe({ type: 'layout-shift', buffered: true });
`;

describe.skipIf(findChromium() === undefined)(titleInChromium('charts of the fleet page'), () => {
  let app: LocalApp;
  let browser: Browser;

  beforeAll(async () => {
    app = await startLocalApp();
    // Then it reports no more, since no timer calls the roll, and the fleet is what the test makes of it.
    await eventually(async () => {
      const { instances } = (await (await app.fetch('/api/fleet')).json()) as Answer;
      expect(instances).toHaveLength(1);
    });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  interface Opened extends AsyncDisposable {
    readonly page: Page;
    readonly complaints: readonly string[];
    /** What the page draws. */
    readonly answer: Answer;
  }

  const nextAnswer = async (page: Page): Promise<Answer> => {
    const isData = (type = ''): boolean => type.startsWith('application/json');
    const response = await page.waitForResponse((one) => isData(one.headers()['content-type']));
    return (await response.json()) as Answer;
  };

  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: { width: 1250, height: 900 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.addInitScript(watch);
    const answered = nextAnswer(page);
    await page.goto(`${app.host.url}/api/fleet`);
    const answer = await answered;
    await page.locator('#main:not([hidden])').waitFor();
    return { page, complaints, answer, [Symbol.asyncDispose]: () => context.close() };
  }

  /** Where the points of a line, or the tops of bars, are on the scale of the grid beside them. */
  async function drawn(page: Page, chart: number, series: number): Promise<readonly number[]> {
    const figure = page.locator('figure').nth(chart);
    const grid = await figure
      .locator('line.grid')
      .evaluateAll((lines) =>
        lines.map((one) => ['y1', 'data-value'].map((name) => Number(one.getAttribute(name)))),
      );
    const [[zeroY = 0] = [], , [maxY = 0, max = 0] = []] = grid;
    const path = (await figure.locator('svg.chart path').nth(series).getAttribute('d')) ?? '';
    const points = [...path.matchAll(/[ML](?<x>-?[\d.]+) (?<y>-?[\d.]+)/gu)];
    return points.map(({ groups }) => ((Number(groups?.['y']) - zeroY) / (maxY - zeroY)) * max);
  }

  const known = (values: readonly (number | null | undefined)[]): readonly number[] =>
    values.filter((value) => typeof value === 'number');

  /** To half a hundredth of the picture's height. */
  const expectDrawn = (points: readonly number[], values: readonly number[]): void => {
    const max = Math.max(...values, 1e-9);
    expect(points).toHaveLength(values.length);
    for (const [index, value] of values.entries())
      expect(Math.abs((points[index] ?? 0) - value) / max).toBeLessThan(0.005);
  };

  it.each([
    [0, 0],
    [0, 60],
    [1, 1],
    [3, 60],
    [400, 60],
  ])('draw what the API says of %i instances and %i minutes, and nothing moves', async (size, minutes) => {
    await showFleet(app.stack.redis, size, minutes);
    await using opened = await open();
    const { page, complaints, answer } = opened;
    expect(answer.instances).toHaveLength(size);
    expect(answer.minutes).toHaveLength(minutes);
    const of = (value: (one: Counts) => number | null | undefined): readonly number[] =>
      known(answer.minutes.map(value));
    expectDrawn(
      await drawn(page, 0, 0),
      of(({ hitRatio }) => hitRatio),
    );
    expectDrawn(
      await drawn(page, 1, 0),
      of(({ latencyMs }) => latencyMs.request?.p95),
    );
    expectDrawn(
      await drawn(page, 1, 1),
      of(({ latencyMs }) => latencyMs.request?.p50),
    );
    expectDrawn(
      await drawn(page, 2, 0),
      of(({ loads }) => loads).filter((value) => value > 0),
    );
    expectDrawn(
      await drawn(page, 2, 1),
      of(({ loadsFailed }) => loadsFailed).filter((value) => value > 0),
    );

    const rows = await page.locator('#instances tr').allTextContents();
    expect(rows).toHaveLength(Math.max(size, 1));
    const sparks = await page
      .locator('#instances tr td:nth-child(4) path')
      .evaluateAll((paths) => paths.map((path) => (path.getAttribute('d') ?? '').match(/[ML]/gu)?.length));
    for (const [index, { id, measures, history }] of answer.instances.entries()) {
      expect(rows[index]).toContain(id);
      expect(rows[index]).toContain(`${((measures.hitRatio ?? 0) * 100).toFixed(1)} %`);
      expect(sparks[index]).toBe(history.length);
    }

    // What the next answer leaves as it is stays the same elements; what passes with time is text in them.
    await page.evaluate(`
      globalThis.changes = [];
      const observer = new MutationObserver((all) => {
        for (const { target } of all) if (target.children.length > 0) changes.push(target.outerHTML.slice(0, 100));
      });
      observer.observe(document.querySelector('main'), { childList: true, subtree: true });
    `);
    await nextAnswer(page);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done)))');
    expect(await page.evaluate('globalThis.changes')).toEqual([]);
    expect(await page.evaluate('globalThis.shifts')).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('have a text alternative, and the same numbers as a table that a keyboard opens', async () => {
    await showFleet(app.stack.redis, 3);
    await using opened = await open();
    const { page, answer } = opened;
    const labels = await page
      .locator('svg[role=img]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    expect(labels).toHaveLength(3 + 3 * 3);
    const percent = (ratio: number | null): string => `${((ratio ?? 0) * 100).toFixed(1)} %`;
    const ratios = known(answer.minutes.map(({ hitRatio }) => hitRatio));
    expect(labels[0]).toContain(
      `${percent(Math.min(...ratios))} to ${percent(Math.max(...ratios))}, last ${percent(ratios.at(-1) ?? null)}`,
    );
    expect(labels[3]).toMatch(/^Hit ratio, the last hour: [\d.]+ % to [\d.]+ %, last [\d.]+ %$/u);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#chart-0 tbody tr').first().waitFor();
    const rows = await page
      .locator('#chart-0 tbody tr')
      .evaluateAll((all) =>
        all.map((row) => [...row.children].slice(1).map(({ textContent }) => textContent)),
      );
    const readsOf = ({ reads }: Counts): number => Object.values(reads).reduce((sum, one) => sum + one, 0);
    expect(rows).toEqual(
      answer.minutes.toReversed().map((one) => [percent(one.hitRatio), readsOf(one).toLocaleString('en-US')]),
    );
    // The table may scroll, so it takes the focus.
    await page.keyboard.press('Tab');
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe(
      'Hit ratio, by minute',
    );
  });

  it('break where nothing was reported', async () => {
    await showFleet(app.stack.redis, 1);
    const minutes = (await app.stack.redis.admin('HKEYS', 'ref:\u001F{fleet}:minutes')) as readonly string[];
    await app.stack.redis.admin('HDEL', 'ref:\u001F{fleet}:minutes', ...minutes.toSorted().slice(20, 30));
    await using opened = await open();
    const path = await opened.page.locator('figure svg.chart path').first().getAttribute('d');
    expect(path?.match(/M/gu)).toHaveLength(2);
  });

  it.each(['light', 'dark'] as const)('can be read: contrast, %s', async (colorScheme) => {
    await showFleet(app.stack.redis, 3);
    await app.stack.redis.admin('HSET', 'ref:\u001F{fleet}:roster', 'odd', await silent());
    await using opened = await open({ colorScheme });
    const { page } = opened;
    for (const summary of await page.locator('summary').all()) await summary.click();
    const { texts, graphics } = await contrastsOf(page);
    expect(texts.length).toBeGreaterThan(100);
    expect(graphics.length).toBeGreaterThan(10);
    expect(texts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    expect(graphics.filter(({ ratio }) => ratio < 3)).toEqual([]);
  });

  async function silent(): Promise<string> {
    const text = String(await app.stack.redis.admin('HGET', 'ref:\u001F{fleet}:roster', 'instance-0000'));
    return text
      .replace('answered', 'silent')
      .replace('instance-0000', 'odd')
      .replace('"failure":null', '"failure":"The renewal has not ended yet."');
  }

  it('do not move for whoever wants no motion, and fit a phone', async () => {
    await showFleet(app.stack.redis, 3);
    await using opened = await open({ reducedMotion: 'reduce', viewport: { width: 360, height: 740 } });
    const { page } = opened;
    await nextAnswer(page);
    expect(await page.evaluate('document.getAnimations().length')).toBe(0);
    expect(await page.evaluate('globalThis.shifts')).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });
});
