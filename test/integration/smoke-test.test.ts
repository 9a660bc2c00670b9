// The smoke test of a deployment, pointed at the packaged app on the local Functions host.

import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { listenOnLoopback } from '../../local/listening.ts';
import { smokeTest, tokenFrom } from '../../scripts/smoke-test.ts';
import { startLocalApp } from '../support/local-app.ts';

/** The first answer of each probe counts: what is not as it should be is told at once. */
const once = { limitMs: 30_000, pauseMs: 30_000 };
const patient = { limitMs: 60_000, pauseMs: 100 };

it('passes where the app gets into Redis, and says so', async () => {
  await using app = await startLocalApp();
  const lines: string[] = [];
  await smokeTest(app.host.url, { ...patient, keysAsked: false, log: (line) => lines.push(line) });
  expect(lines).toEqual([
    '/api/health/live: 200, the app runs',
    '/api/health/ready: 200, its identity gets into Redis',
  ]);
  // Nobody asks for a key here: on Azure that would be a fault, and is told.
  await expect(smokeTest(app.host.url, once)).rejects.toThrow(
    '/api/cache/smoke-test answered 404 and not 401',
  );
});

it('fails where the identity gets no token, and names the probe', async () => {
  await using app = await startLocalApp({
    untilReady: false,
    settings: { REQUEST_BUDGET_MS: '500' },
    prepare: (stack) => stack.identity.setBehaviour('fail'),
  });
  await expect(smokeTest(app.host.url, once)).rejects.toThrow('/api/health/ready answered 503 and not 200');
});

async function against(listener: RequestListener, test: (url: string) => Promise<void>): Promise<void> {
  const listening = await listenOnLoopback(createServer(listener));
  try {
    await test(`http://127.0.0.1:${listening.port}`);
  } finally {
    await listening.close();
  }
}

it('waits for an app that is still starting', async () => {
  let asked = 0;
  const starting: RequestListener = (_, response) => {
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 200).end();
  };
  await against(starting, async (url) => {
    await smokeTest(url, { ...patient, keysAsked: false });
    expect(asked).toBe(4);
  });
});

describe('with a token', () => {
  const token = 'header.of-a_token.signature';
  /** Lets in whoever has the token, and is forbidden to a caller without the role. */
  const app =
    (roleStatus: number): RequestListener =>
    ({ url, headers }, response) => {
      const isProbe = url?.startsWith('/api/health/') === true;
      const hasToken = headers.authorization === `Bearer ${token}`;
      response.writeHead(isProbe ? 200 : hasToken ? roleStatus : 401).end();
    };

  it('passes where that is needed and lets its caller read, and shows nothing of it', async () => {
    await against(app(404), async (url) => {
      const lines: string[] = [];
      await smokeTest(url, { ...once, token, log: (line) => lines.push(line) });
      expect(lines.slice(2)).toEqual([
        '/api/cache/smoke-test: 401, it asks for a token',
        '/api/cache/smoke-test with a token: 404, the role in the token lets its caller read',
      ]);
    });
  });

  it('fails where the role is missing, and shows nothing of it', async () => {
    await against(app(403), async (url) => {
      const lines: string[] = [];
      const failing = smokeTest(url, { ...once, token, log: (line) => lines.push(line) });
      lines.push(await failing.then(() => 'passed', String));
      expect(lines.at(-1)).toContain('/api/cache/smoke-test with a token answered 403 and not 404 or 200');
      expect(lines.filter((line) => line.includes('of-a_token'))).toEqual([]);
    });
  });

  it('sends it to no host over http://', async () => {
    await expect(smokeTest('http://example.org', { token })).rejects.toThrow('over https:// only');
  });

  it('takes it from the environment, or else of who is signed in to az', async () => {
    const calls: string[] = [];
    const az = async (args: readonly string[]): Promise<unknown> => {
      calls.push(args.join(' '));
      return token;
    };
    const from = (environment: Record<string, string>, audience?: string) =>
      tokenFrom({ environment, az }, audience);
    expect(await from({})).toBeUndefined();
    expect(await from({ SMOKE_TEST_TOKEN: ` ${token}\n` }, 'api://cache')).toBe(token);
    expect(calls).toEqual([]);
    expect(await from({}, 'api://cache')).toBe(token);
    expect(calls).toEqual(['account get-access-token --resource api://cache --query accessToken']);
    await expect(from({ SMOKE_TEST_TOKEN: 'not one\ntoken' })).rejects.toThrow(
      /^What was given as a token is none\.$/u,
    );
  });
});
