// The fleet page in a real Chromium: what it shows, that it stays live, and that it asks nobody else.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium, titleInChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';

/** Where screenshots go, for whoever wants to look. */
const pictures = join(import.meta.dirname, '../../out/screenshots');

describe.skipIf(findChromium() === undefined)(titleInChromium('the fleet page'), () => {
  let app: LocalApp;
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    app = await startLocalApp({ instances: 3, settings: { REQUEST_BUDGET_MS: '4000' } });
    browser = await launchChromium();
    // Who has not entered the fleet is not expected to answer.
    await eventually(async () => {
      const { instances } = (await (await app.fetch('/api/fleet')).json()) as { instances: unknown[] };
      expect(instances).toHaveLength(3);
    });
    await callRoll();
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  async function callRoll(): Promise<void> {
    const ended = (): number =>
      app.host.logs().filter(({ message }) => message.includes('instances answered')).length;
    const before = ended();
    await app.host.runTimer('reauthenticate');
    await eventually(() => expect(ended()).toBeGreaterThan(before));
  }

  interface Opened {
    readonly page: Page;
    readonly complaints: readonly string[];
    readonly requests: readonly string[];
  }

  async function open(options: { colorScheme?: 'light' | 'dark'; width?: number } = {}): Promise<Opened> {
    const { colorScheme = 'light', width = 1100 } = options;
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(`${app.host.url}/api/fleet`);
    await page.locator('#instances tr').nth(2).waitFor();
    return { page, complaints, requests };
  }

  it('shows each instance, its token as a bar, and the roll calls', async () => {
    const { page, complaints, requests } = await open();
    expect(await page.locator('#summary').textContent()).toBe('3 instances, all answering');
    const lives = await page
      .locator('progress')
      .evaluateAll((bars) =>
        bars.map(
          (bar) =>
            (bar as unknown as { value: number; max: number }).value /
            (bar as unknown as { max: number }).max,
        ),
      );
    expect(lives).toHaveLength(3);
    for (const life of lives) {
      expect(life).toBeGreaterThan(0.3);
      expect(life).toBeLessThanOrEqual(1);
    }
    expect(await page.locator('#roll-calls tr').first().textContent()).toContain('3 of 3');
    expect(await page.locator('#next').textContent()).toMatch(/Next in \d+ s\.|The next is due\./u);
    expect(complaints).toEqual([]);
    for (const url of requests) expect(url.startsWith(app.host.url) || url.startsWith('data:')).toBe(true);
    await page.screenshot({ path: join(pictures, 'fleet-light.png'), fullPage: true });
    await page.context().close();
  });

  it('updates after a roll call without being reloaded', async () => {
    const { page, complaints } = await open();
    const rows = await page.locator('#roll-calls tr').count();
    await callRoll();
    await page.locator('#roll-calls tr').nth(rows).waitFor({ timeout: 30_000 });
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('fits a phone and the dark', async () => {
    const { page, complaints } = await open({ colorScheme: 'dark', width: 360 });
    const { scroll, client } = (await page.evaluate(
      '({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth })',
    )) as { scroll: number; client: number };
    expect(scroll).toBeLessThanOrEqual(client);
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(ground).toBe('rgb(20, 23, 26)');
    expect(complaints).toEqual([]);
    await page.screenshot({ path: join(pictures, 'fleet-phone-dark.png'), fullPage: true });
    await page.context().close();
    const dark = await open({ colorScheme: 'dark' });
    await dark.page.screenshot({ path: join(pictures, 'fleet-dark.png'), fullPage: true });
    await dark.page.context().close();
  });

  it('can be used with a keyboard: a table that may scroll takes the focus', async () => {
    const { page } = await open({ width: 360 });
    // After the three charts, each of which can be had as a table.
    for (let tabs = 0; tabs < 4; tabs += 1) await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('scroll');
    await page.context().close();
  });

  it('carries a policy that lets nothing else in, and nothing secret', async () => {
    const response = await app.fetch('/api/fleet', {
      headers: { accept: 'text/html,application/xhtml+xml' },
    });
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    const html = await response.text();
    const nonce = /nonce-(?<nonce>[^']+)'/u.exec(policy)?.groups?.['nonce'];
    expect(html).toContain(`<script nonce="${nonce}">`);
    // Nothing is loaded: this is the name of a language.
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//u);
    const again = await app.fetch('/api/fleet', { headers: { accept: 'text/html' } });
    expect(again.headers.get('content-security-policy')).not.toBe(policy);
  });

  it('says that what it shows is old when the cache cannot be asked', async () => {
    const { page } = await open();
    app.stack.front.setBehaviour('refuse');
    app.stack.front.cutAll();
    try {
      await page.locator('#summary.bad').waitFor({ timeout: 30_000 });
      expect(await page.locator('#summary').textContent()).toMatch(/cannot be asked .*from before/u);
      expect(await page.locator('#instances tr').count()).toBe(3);
    } finally {
      app.stack.front.setBehaviour('normal');
    }
    await page.context().close();
  });
});
