// The queries of the alerts and the workbook: Kusto understands them, and they fit the lines that the app writes.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RRegex } from 'rregex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { kustoAnalyser } from '../support/kusto.ts';

const directory = join(import.meta.dirname, '../../infra/queries');
const queries = await Promise.all(
  (await readdir(directory)).toSorted().map(async (name) => {
    const text = await readFile(join(directory, name), 'utf8');
    return { name, text: text.replaceAll('{time:grain}', '5m') };
  }),
);

/** Lines of troubles that this run does not make. */
const rareLines = [
  'commandRefused {"level":"warn","cause":"out-of-memory","command":"EVAL","omitted":3}',
  'No roll call, because Redis cannot be asked; instances renew themselves. {"code":"redis-unavailable","reason":"x"}',
];

let app: LocalApp;
let lines: readonly string[];

beforeAll(async () => {
  app = await startLocalApp({
    tokenLifetimeMs: 4000,
    settings: { ORIGIN_URL_TEMPLATE: 'http://127.0.0.1:1/{key}', WARMUP_KEYS: 'a' },
  });
  const messages = (): readonly string[] => app.host.logs().map(({ message }) => message);
  for (const name of ['reauthenticate', 'scheduledWarmup']) {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"input":""}' };
    expect((await app.fetch(`/admin/functions/${name}`, init)).status).toBe(202);
  }
  const written = ['instances answered', 'entries are warm', 'connectionReauthenticated ', 'originFailing '];
  await eventually(() => {
    for (const part of written) expect(messages().some((message) => message.includes(part))).toBe(true);
  }, 20_000);
  app.stack.identity.setBehaviour('fail');
  await eventually(() => {
    expect(messages().some((message) => message.startsWith('tokenRenewalFailed '))).toBe(true);
  }, 20_000);
  lines = [...messages(), ...rareLines];
});
afterAll(async () => app?.stop());

it('are understood by Kusto, column by column', () => {
  const analyse = kustoAnalyser();
  for (const { name, text } of queries) expect({ name, faults: analyse(text) }).toEqual({ name, faults: [] });
  expect(analyse('traces | where mesage has "rollCall"').join()).toMatch(/mesage.*does not refer/u);
  expect(analyse('traces | sumarize count()')).not.toEqual([]);
});

it('have regular expressions that Kusto takes: the syntax is that of the regex crate of Rust', () => {
  // https://learn.microsoft.com/kusto/query/regex
  const patterns = queries.flatMap(({ name, text }) =>
    patternsIn(text).map((pattern) => ({ name, pattern })),
  );
  expect(patterns.length).toBeGreaterThan(10);
  for (const { name, pattern } of patterns)
    expect({ name, pattern, fault: regexFault(pattern) }).toEqual({ name, pattern, fault: '' });
  expect(regexFault('^([A-Za-z]+) {')).toContain('repetition');
  expect(regexFault(String.raw`(\w)\1`)).toContain('backreferences');
  expect(regexFault('(?=a)')).toContain('look-around');
});

it('every regular expression is found that the document gives to az', async () => {
  const deploy = await readFile(join(directory, '../../docs/deploy.md'), 'utf8');
  const patterns = [...deploy.matchAll(/matches regex "(.+?)"/gu)].map(([, pattern]) => pattern ?? '');
  expect(patterns.map(regexFault)).toEqual(patterns.map(() => ''));
});

it('look for lines that the app writes, and take from them what is there', () => {
  const taken = queries.flatMap(({ name, text }) => {
    const [, variable] = /(\w+) = parse_json\(/u.exec(text) ?? [];
    const [, pattern] = /parse_json\(extract\("(.+?)", 1, message\)\)/u.exec(text) ?? [];
    if (variable === undefined || pattern === undefined) return [];
    const fields = [...text.matchAll(new RegExp(`\\b${variable}\\.(\\w+)`, 'gu'))].map(
      ([, field]) => field ?? '',
    );
    const json = lines
      .flatMap((line) => new RegExp(kustoString(pattern), 'u').exec(line)?.[1] ?? [])
      .filter((found) => found.startsWith('{'));
    const objects = json.map((found) => JSON.parse(found) as Record<string, unknown>);
    for (const field of fields) {
      expect(
        objects.some((object) => field in object),
        `${name} takes ${field}`,
      ).toBe(true);
    }
    return fields;
  });
  expect(taken).toEqual(expect.arrayContaining(['silent', 'expiresAt', 'failedAttempts', 'timeLeftMs', 'loaded']));
  const phrases = queries.flatMap(({ text }) =>
    [...text.matchAll(/message has "(.+?)"/gu)].map(([, phrase]) => phrase ?? ''),
  );
  for (const phrase of phrases)
    expect(
      lines.some((line) => line.includes(phrase)),
      phrase,
    ).toBe(true);
});

it('name events and functions that the app has', async () => {
  const events = await readFile(join(directory, '../../src/telemetry/events.ts'), 'utf8');
  const functions = (await (await app.fetch('/admin/functions')).json()) as { name: string }[];
  const known = new Set([
    // What a query calls the timer's own line, which is no event.
    'noRollCall',
    ...[...events.matchAll(/type: '(\w+)'/gu)].map(([, event]) => event ?? ''),
    ...functions.map(({ name }) => name),
  ]);
  const named = queries.flatMap(({ text }) =>
    [...text.matchAll(/"([a-z]+[A-Z][A-Za-z]+) ?"/gu)].map(([, word]) => word ?? ''),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((word) => !known.has(word))).toEqual([]);
});

/** What a query gives to extract() and `matches regex`. */
function patternsIn(query: string): readonly string[] {
  const calls = [...query.matchAll(/(?:extract\(|matches regex )"((?:[^"\\]|\\.)+)"/gu)];
  return calls.map(([, text]) => kustoString(text ?? ''));
}

/** In a string of Kusto a backslash escapes what comes after it. */
function kustoString(text: string): string {
  return text.replaceAll(/\\(.)/gu, '$1');
}

function regexFault(pattern: string): string {
  try {
    new RRegex(pattern).free();
    return '';
  } catch (error) {
    return String(error);
  }
}
