// Asks a deployed app whether it works: it runs, its identity gets into Redis, it lets nobody in without a key or a token
// and, where there is a token to ask with, the caller's role lets it read. Used by deploy.yml and by whoever has deployed.
// Needs no dependency and no key. A token is read from the environment or from az, and is written nowhere.

import { parseArgs } from 'node:util';
import { runAz, whyAzFailed, type Az } from './az.ts';

export interface SmokeTestOptions {
  /** A cold app, and role assignments that have just been made, take minutes. */
  readonly limitMs?: number;
  readonly pauseMs?: number;
  /** The local Functions host asks for no keys. */
  readonly keysAsked?: boolean;
  /** Of a caller who may read, where callers come with tokens. */
  readonly token?: string | undefined;
  readonly log?: (line: string) => void;
}

interface Probe {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly statuses: readonly number[];
  readonly meaning: string;
}

const read = '/api/cache/smoke-test';
// The app answers within its budget of 2 seconds, with 503 if need be; the last request is to hear that, too.
const leastAnswerMs = 5000;
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

function probesFor({ keysAsked = true, token }: SmokeTestOptions): readonly Probe[] {
  const what = token === undefined ? 'a key, or a token' : 'a token';
  return [
    { path: '/api/health/live', statuses: [200], meaning: 'the app runs' },
    { path: '/api/health/ready', statuses: [200], meaning: 'its identity gets into Redis' },
    ...(keysAsked ? [{ path: read, statuses: [401], meaning: `it asks for ${what}` }] : []),
    ...(token === undefined
      ? []
      : [
          {
            path: read,
            headers: { Authorization: `Bearer ${token}` },
            // There is no such entry, unless somebody has written it.
            statuses: [404, 200],
            meaning: 'the role in the token lets its caller read',
          },
        ]),
  ];
}

/** @throws Error that names the probe that did not answer as it should in time. */
export async function smokeTest(url: string, options: SmokeTestOptions = {}): Promise<void> {
  const { limitMs = 300_000, pauseMs = 5000, log = () => {} } = options;
  const { protocol, hostname } = new URL(url);
  if (options.token !== undefined && protocol !== 'https:' && !loopback.has(hostname)) {
    throw new Error('A token is sent over https:// only.');
  }
  const deadlineMs = Date.now() + limitMs;
  for (const { path, headers = {}, statuses, meaning } of probesFor(options)) {
    const who = 'Authorization' in headers ? `${path} with a token` : path;
    for (;;) {
      const answer = await statusOf(
        new URL(path, url),
        headers,
        Math.max(deadlineMs - Date.now(), leastAnswerMs),
      );
      if (typeof answer === 'number' && statuses.includes(answer)) {
        log(`${who}: ${answer}, ${meaning}`);
        break;
      }
      if (Date.now() + pauseMs > deadlineMs) {
        throw new Error(
          `${who} answered ${answer} and not ${statuses.join(' or ')}: it cannot be said that ${meaning}. docs/deploy.md says what to check.`,
        );
      }
      log(`${who}: ${answer}; asking again`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

async function statusOf(
  url: URL,
  headers: Readonly<Record<string, string>>,
  limitMs: number,
): Promise<number | string> {
  try {
    const signal = AbortSignal.timeout(Math.min(limitMs, 30_000));
    const response = await fetch(url, { headers, signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    const { message, cause } = error as Error;
    return `nothing (${cause instanceof Error ? cause.message : message})`;
  }
}

export interface TokenSource {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly az: Az;
}

/**
 * From SMOKE_TEST_TOKEN, or for an audience from az. An argument would show it to every user of the machine.
 * @throws Error of az, which holds no token; or one that says that what was found is none.
 */
export async function tokenFrom(
  { environment, az }: TokenSource,
  audience: string | undefined,
): Promise<string | undefined> {
  const given = environment['SMOKE_TEST_TOKEN']?.trim() ?? '';
  const found =
    given !== '' || audience === undefined
      ? given
      : await az(['account', 'get-access-token', '--resource', audience, '--query', 'accessToken']);
  if (found === '') return undefined;
  // Also, a message of fetch about a wrong header would hold the header.
  if (typeof found === 'string' && /^[\w.~+/-]+=*$/u.test(found)) return found;
  throw new Error('What was given as a token is none.');
}

const usage = `Usage: node scripts/smoke-test.ts URL [--no-keys] [--audience AUDIENCE]
  --no-keys            the app lets in whoever asks
  --audience AUDIENCE  asks with a token for it, too: from SMOKE_TEST_TOKEN, or of who is signed in to az`;

if (import.meta.main) {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { 'no-keys': { type: 'boolean', default: false }, audience: { type: 'string' } },
    });
    const [url, more] = positionals;
    if (url === undefined || !URL.canParse(url) || more !== undefined) throw new Error(usage);
    const token = await tokenFrom({ environment: process.env, az: runAz }, values.audience);
    await smokeTest(url, { keysAsked: !values['no-keys'], token, log: console.log });
  } catch (error) {
    const { code } = error as { code?: unknown };
    const isUsage = typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
    console.error(isUsage ? `${(error as Error).message}\n\n${usage}` : whyAzFailed(error));
    process.exitCode = 1;
  }
}
