// The page as it is sent; test/integration/fleet-page.test.ts has it in a browser.

import { expect, it } from 'vitest';
import { fleetPage } from '../../../src/functions/fleet-page.ts';

const policyOf = ({ headers }: Awaited<ReturnType<typeof fleetPage>>): string =>
  headers['Content-Security-Policy'];

it('the fleet page runs its own script and style, and nothing else', async () => {
  const page = await fleetPage();
  expect(page.status).toBe(200);
  expect(page.headers).toMatchObject({
    'Content-Type': 'text/html; charset=utf-8',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  const nonce = /script-src 'nonce-(?<nonce>[^']+)'/u.exec(policyOf(page))?.groups?.['nonce'] ?? '';
  expect(Buffer.from(nonce, 'base64')).toHaveLength(16);
  expect(policyOf(page)).toContain("default-src 'none'");
  const { body } = page;
  expect(body).toMatch(/^<!doctype html>/u);
  const tags = body.match(/<(?:script|style)\b[^>]*>/gu);
  expect(tags).toEqual([`<style nonce="${nonce}">`, `<script nonce="${nonce}">`]);
  expect(body).not.toContain('{{');
});

it('has another nonce each time', async () => {
  expect(policyOf(await fleetPage())).not.toBe(policyOf(await fleetPage()));
});
