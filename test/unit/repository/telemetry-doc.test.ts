// docs/telemetry.md names the attributes and metrics that the code has, and those that are not ours are what the
// semantic conventions publish.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { describe, expect, it } from 'vitest';
import { allMetrics, readResults } from '../../../src/telemetry/opentelemetry/metric-definitions.ts';
import { conventional, own } from '../../../src/telemetry/opentelemetry/names.ts';
import { parseMarkdown, tableBelow } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '../../..');
const page = parseMarkdown(readFileSync(join(root, 'docs/telemetry.md'), 'utf8'));

/** The constants of the published names with a prefix that are not deprecated, by their values. */
function published(prefix: 'ATTR_' | 'METRIC_'): ReadonlySet<string> {
  const folder = join(root, 'node_modules/@opentelemetry/semantic-conventions/dist');
  const deprecated = new Set(
    ['experimental_attributes', 'experimental_metrics', 'stable_attributes', 'stable_metrics'].flatMap(
      (file) =>
        [
          ...readFileSync(join(folder, `${file}.d.mts`), 'utf8').matchAll(
            /@deprecated(?:(?!\*\/)[^])*\*\/\s*(?:export )?declare const (?<name>\w+)/gu,
          ),
        ].map(({ groups }) => groups?.['name']),
    ),
  );
  expect(deprecated.size).toBeGreaterThan(50);
  const constants = Object.entries(conventions).filter(
    ([name]) => name.startsWith(prefix) && !deprecated.has(name),
  );
  return new Set(constants.map(([, value]) => String(value)));
}

describe('docs/telemetry.md', () => {
  it('names every attribute of a span, and no other', () => {
    const cells = tableBelow(page, 'What is in a trace').flatMap(
      ([, , , attributes]) => attributes?.code ?? [],
    );
    const { errorType, ...others } = conventional;
    const { namespace, ...ours } = own;
    expect([errorType, namespace]).toEqual(['error.type', 'cache.namespace']);
    expect(new Set(cells)).toEqual(new Set([...Object.values(others), ...Object.values(ours)]));
  });

  it('has every metric, with its unit and attributes', () => {
    const rows = tableBelow(page, 'Metrics').filter(([name]) => /^[a-z]+\./u.test(name?.code[0] ?? ''));
    const documented = rows.map(([name, unit, , attributes]) => [
      name?.code[0],
      unit?.code[0],
      attributes?.code,
    ]);
    expect(documented).toEqual(allMetrics.map(({ name, unit, names }) => [name, unit, names]));
  });

  it('explains every result of a read', () => {
    const { tables = [] } = page.sections.find(({ heading }) => heading === 'Metrics') ?? {};
    const values = tables.flat().map(([value]) => value?.code[0] ?? '');
    expect(values.filter((value) => !value.includes('.'))).toEqual(readResults);
  });
});

describe('the names of the conventions', () => {
  it('are published, and not deprecated', () => {
    const attributes = published('ATTR_');
    expect(Object.values(conventional).filter((name) => !attributes.has(name))).toEqual([]);
    const metrics = published('METRIC_');
    const ours = allMetrics.map(({ name }) => name).filter((name) => !name.startsWith('cache.'));
    expect(ours.length).toBeGreaterThan(1);
    expect(ours.filter((name) => !metrics.has(name))).toEqual([]);
  });

  it('leave `cache.` to this project', () => {
    const taken = [...published('ATTR_'), ...published('METRIC_')].filter((name) =>
      name.startsWith('cache.'),
    );
    expect(taken).toEqual([]);
  });
});
