// docs/settings.md names the settings that the code reads, all of them and no other, with their defaults.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/config/settings.ts';
import { parseMarkdown, tableBelow } from '../../support/markdown.ts';

const path = join(import.meta.dirname, '../../../docs/settings.md');
const page = parseMarkdown(readFileSync(path, 'utf8'));
const rows = page.sections.flatMap(({ tables }) => tables.flat());
/** Settings of one row have one default. */
const named = rows.flatMap(([names, standard]) => names?.code.map((name) => ({ name, standard })) ?? []);
const documented = named.map(({ name, standard }) => ({
  name,
  /** Undefined where the default is told in words: none, empty, or what follows from something else. */
  standard: standard?.code[0],
  isRequired: standard?.text === 'required',
}));
type Environment = Readonly<Record<string, string>>;
const hostname: Environment = { REDIS_HOSTNAME: 'cache.example.org' };

/** With an origin of each kind, every kind of credential, and telemetry, for some settings are read with these only. */
const kinds: readonly Environment[] = [
  ...(tableBelow(page, 'Identity')
    .find(([name]) => name?.text === 'REDIS_CREDENTIAL')
    ?.slice(1)
    .flatMap(({ code }) => code.map((kind) => ({ REDIS_CREDENTIAL: kind }))) ?? []),
  { HTTP_AUTH: 'entra', HTTP_ENTRA_TENANT_ID: 'contoso.example', HTTP_ENTRA_AUDIENCE: 'api://cache' },
  { ORIGIN_URL_TEMPLATE: 'https://example.org/{key}' },
  { ORIGIN_BLOB_CONTAINER_URL: 'https://example.org/container' },
  { TELEMETRY: 'opentelemetry', OTEL_EXPORTER_OTLP_ENDPOINT: 'https://example.org' },
];

/** The names that are asked for. */
function namesRead(environment: Environment): readonly string[] {
  const names = new Set<string>();
  const asked = new Proxy(environment, {
    get: (target, name) => {
      names.add(String(name));
      return target[String(name)];
    },
  });
  try {
    readSettings(asked);
  } catch {
    // Of some that are required by others.
  }
  return [...names];
}

describe('docs/settings.md', () => {
  it('names every setting that the code reads, once, and no other', () => {
    const read = new Set(kinds.flatMap((kind) => namesRead({ ...hostname, ...kind })));
    expect(documented.map(({ name }) => name).toSorted()).toEqual([...read].toSorted());
    expect(kinds.length).toBeGreaterThan(5);
  });

  it.each(documented.filter(({ standard }) => standard !== undefined))(
    'has the default of $name',
    ({ name, standard = '' }) => {
      for (const kind of kinds.slice(-3).filter((given) => !(name in given))) {
        const least = { ...hostname, ...kind };
        expect(readSettings({ ...least, [name]: standard })).toEqual(readSettings(least));
      }
    },
  );

  it('says what is required', () => {
    const required = documented.filter(({ isRequired }) => isRequired).map(({ name }) => name);
    expect(required).toEqual(['REDIS_HOSTNAME']);
    expect(() => readSettings({})).toThrow('1 setting(s) missing or wrong:\n  REDIS_HOSTNAME');
  });
});
