// The queries of the alerts and the workbook: Kusto understands them, and they fit the lines that the app writes.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RRegex } from 'rregex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { kustoAnalyser, kustoTokens, tokensAfter, type KustoToken } from '../support/kusto.ts';
import { parseMarkdown } from '../support/markdown.ts';

const directory = join(import.meta.dirname, '../../infra/queries');
const queries = await Promise.all(
  (await readdir(directory, { recursive: true }))
    .filter(isQuery)
    .toSorted()
    .map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8');
      const query = text.replaceAll('{time:grain}', '5m');
      return { name, text: query, tokens: kustoTokens(query) };
    }),
);

/** Lines of troubles that this run does not make. */
const rareLines = [
  'commandRefused {"level":"warn","cause":"out-of-memory","command":"EVAL","omitted":3}',
  'rollCallFailed {"level":"warn","code":"redis-unavailable","reason":"x"}',
];

let app: LocalApp;
let lines: readonly string[];

beforeAll(async () => {
  app = await startLocalApp({
    tokenLifetimeMs: 4000,
    settings: {
      ORIGIN_URL_TEMPLATE: 'http://127.0.0.1:1/{key}',
      ORIGIN_RULES: '[{"prefix":"b/","origin":"http://127.0.0.1:2/{key}"}]',
      WARMUP_KEYS: 'a,b/c',
    },
  });
  const messages = (): readonly string[] => app.host.logs().map(({ message }) => message);
  for (const name of ['reauthenticate', 'scheduledWarmup']) {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"input":""}' };
    expect((await app.fetch(`/admin/functions/${name}`, init)).status).toBe(202);
  }
  const written = ['instances answered', 'entries are warm', 'connectionReauthenticated ', 'originFailing '];
  await eventually(() => {
    for (const part of written) expect(messages().some((message) => message.includes(part))).toBe(true);
  });
  app.stack.identity.setBehaviour('fail');
  await eventually(() => {
    expect(messages().some((message) => message.startsWith('tokenRenewalFailed '))).toBe(true);
  });
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
  const patterns = queries.flatMap(({ name, tokens }) =>
    patternsIn(tokens).map((pattern) => ({ name, pattern })),
  );
  expect(patterns.length).toBeGreaterThan(10);
  for (const { name, pattern } of patterns)
    expect({ name, pattern, fault: regexFault(pattern) }).toEqual({ name, pattern, fault: '' });
  expect(regexFault('^([A-Za-z]+) {')).toContain('repetition');
  expect(regexFault(String.raw`(\w)\1`)).toContain('backreferences');
  expect(regexFault('(?=a)')).toContain('look-around');
});

it('every regular expression is found that the document gives to az', async () => {
  const { sections } = parseMarkdown(await readFile(join(directory, '../../docs/deploy.md'), 'utf8'));
  const found = sections.flatMap(({ blocks }) => blocks).flatMap(({ text }) => analyticsQueries(text));
  const patterns = found.flatMap((query) => patternsIn(kustoTokens(query)));
  expect(patterns.length).toBeGreaterThan(0);
  expect(patterns.map(regexFault)).toEqual(patterns.map(() => ''));
});

it('look for lines that the app writes, and take from them what is there', () => {
  const taken = queries.flatMap(({ name, tokens }) => {
    const at = tokens.findIndex(({ text }) => text === 'parse_json');
    const variable = tokens[at - 2]?.text;
    const pattern = tokensAfter(tokens, 'parse_json', '(', 'extract', '(')[0]?.string;
    if (variable === undefined || pattern === undefined) return [];
    const fields = tokensAfter(tokens, variable, '.').map(({ text }) => text);
    const json = lines
      .flatMap((line) => new RegExp(pattern, 'u').exec(line)?.[1] ?? [])
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
  expect(taken).toEqual(
    expect.arrayContaining(['silent', 'expiresAt', 'failedAttempts', 'timeLeftMs', 'loaded']),
  );
  const phrases = queries.flatMap(({ tokens }) => stringsOf(tokensAfter(tokens, 'message', 'has')));
  expect(phrases.length).toBeGreaterThan(0);
  for (const phrase of phrases)
    expect(
      lines.some((line) => line.includes(phrase)),
      phrase,
    ).toBe(true);
});

it('name events and functions that the app has', async () => {
  const telemetry = join(directory, '../../src/telemetry');
  const texts = ['events.ts', 'fleet-events.ts'].map((name) => readFile(join(telemetry, name), 'utf8'));
  const events = (await Promise.all(texts)).join('\n');
  const functions = (await (await app.fetch('/admin/functions')).json()) as { name: string }[];
  const known = new Set([
    ...[...events.matchAll(/type: '(\w+)'/gu)].map(([, event]) => event ?? ''),
    ...functions.map(({ name }) => name),
  ]);
  const named = queries
    .flatMap(({ tokens }) => stringsOf(tokens).map((text) => text.trimEnd()))
    .filter((text) => /^[a-z]+[A-Z][A-Za-z]+$/u.test(text));
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((word) => !known.has(word))).toEqual([]);
});

it('name the requests of the same functions also as the host does with telemetryMode OpenTelemetry', () => {
  const routes = app.host.functions.flatMap(({ name, bindings }) =>
    Object.values(bindings).flatMap(({ type, route, methods }) =>
      type === 'httpTrigger'
        ? [{ name, requests: methods?.map((method) => `${method} api/${route}`) ?? [] }]
        : [],
    ),
  );
  const found = queries.filter(({ text }) => text.includes('operation_Name in'));
  expect(found.length).toBeGreaterThan(2);
  for (const { name, tokens } of found) {
    const strings = stringsOf(tokens);
    const functions = routes.filter((route) => strings.includes(route.name));
    expect(functions.length).toBeGreaterThan(0);
    const expected = functions.flatMap(({ requests }) => requests);
    const actual = strings.filter((text) => /^[A-Z]+ api\//u.test(text));
    expect({ name, requests: actual.toSorted() }).toEqual({ name, requests: expected.toSorted() });
  }
});

function isQuery(name: string): boolean {
  return name.endsWith('.kql');
}

/** What a query gives to extract() and `matches regex`. */
function patternsIn(tokens: readonly KustoToken[]): readonly string[] {
  return stringsOf([...tokensAfter(tokens, 'extract', '('), ...tokensAfter(tokens, 'matches regex')]);
}

function stringsOf(tokens: readonly KustoToken[]): readonly string[] {
  return tokens.flatMap(({ string }) => string ?? []);
}

/** The queries that a shell command gives to az, in single quotes. */
function analyticsQueries(command: string): readonly string[] {
  return [...command.matchAll(/--analytics-query '([^']+)'/gu)].map(([, query]) => query ?? '');
}

function regexFault(pattern: string): string {
  try {
    new RRegex(pattern).free();
    return '';
  } catch (error) {
    return String(error);
  }
}
