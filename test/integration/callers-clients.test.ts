// Who calls the app with tokens: the smoke test, an app with a managed identity, API Management with the policies of its page.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cacheClientId, cacheIdUri } from '../../local/cache-registration.ts';
import { localCredential } from '../../local/exports/local-credential.ts';
import { smokeTest } from '../../scripts/smoke-test.ts';
import { parsePolicy, requestsIn, type PolicyRequest } from '../support/api-management-policy.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { parseMarkdown } from '../support/markdown.ts';
import { heldApp } from '../support/openapi-contract.ts';

let app: LocalApp;
beforeAll(async () => {
  app = await startLocalApp({ settings: ({ callerSettings }) => callerSettings });
  const headers = { Authorization: `Bearer ${await app.stack.callers.token()}` };
  app = await heldApp(app, headers);
});
afterAll(async () => app?.stop());

it('the smoke test passes with a token that may read, and fails with one that may not', async () => {
  const { callers } = app.stack;
  const lines: string[] = [];
  const quick = { limitMs: 5000, pauseMs: 100, log: (line: string) => lines.push(line) };
  await smokeTest(app.host.url, { ...quick, token: await callers.token({ roles: ['Cache.Read'] }) });
  expect(lines.slice(2)).toEqual([
    '/api/cache/smoke-test: 401, it asks for a token',
    '/api/cache/smoke-test with a token: 404, the role in the token lets its caller read',
  ]);
  const purges = await callers.token({ roles: ['Cache.Purge'] });
  await expect(smokeTest(app.host.url, { ...quick, limitMs: 500, token: purges })).rejects.toThrow(
    '/api/cache/smoke-test with a token answered 403 and not 404 or 200',
  );
});

it('an app with a managed identity is let in by the roles that its identity is assigned', async () => {
  const { token } = await localCredential(app.stack.identity).getToken(`${cacheIdUri}/.default`);
  const headers = { Authorization: `Bearer ${token}` };
  expect((await app.fetch('/api/cache/mine', { method: 'PUT', body: 'x', headers })).status).toBe(201);
  expect(await (await app.fetch('/api/cache/mine', { headers })).text()).toBe('x');
});

it('API Management finds nothing, stores the backend’s answer, finds that, and purges it by its tag', async () => {
  const page = parseMarkdown(
    await readFile(join(import.meta.dirname, '../../docs/api-management.md'), 'utf8'),
  );
  const policies = page.sections
    .flatMap(({ blocks }) => blocks)
    .filter(({ language }) => language === 'xml')
    .map(({ text }) => parsePolicy(text));
  const [lookup, store, ...more] = policies.flatMap((policy) =>
    requestsIn(policy, {
      'cache-url': app.host.url,
      'cache-audience': cacheClientId,
      'context.Request.OriginalUrl.Path': '/orders/42',
      'context.Api.Id': 'orders',
      'context.Response.Headers.GetValueOrDefault("Content-Type", "application/octet-stream")': 'text/plain',
    }),
  );
  if (lookup === undefined || store === undefined) throw new Error('The page has no two requests.');
  expect(more).toEqual([]);
  const send = async ({ method, url, headers, hasBody, tokenFor = '' }: PolicyRequest): Promise<Response> => {
    const { token } = await localCredential(app.stack.identity).getToken(`${tokenFor}/.default`);
    const body = hasBody ? { body: 'of the backend' } : {};
    return app.fetch(url.slice(app.host.url.length), {
      method,
      headers: { ...headers, Authorization: `Bearer ${token}` },
      ...body,
    });
  };
  expect((await send(lookup)).status).toBe(404);
  expect((await send(store)).status).toBe(201);
  const found = await send(lookup);
  expect([await found.text(), found.headers.get('content-type')]).toEqual(['of the backend', 'text/plain']);
  const purge = { tags: ['api-orders'], mode: 'remove' };
  const token = await app.stack.callers.token({ roles: ['Cache.Purge'] });
  const purged = await app.fetch('/api/purge', {
    method: 'POST',
    body: JSON.stringify(purge),
    headers: { Authorization: `Bearer ${token}` },
  });
  expect(purged.status).toBe(200);
  expect((await send(lookup)).status).toBe(404);
});
