// The same events in the log, in the table that explains them, and in the workbook's chart of troubles.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logLevels } from '../../../src/telemetry/log.ts';
import { parseMarkdown, tableBelow } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

it('every event that is a line of the log is in the table of events, with its level', () => {
  const rows = tableBelow(parseMarkdown(read('docs/operations.md')), 'Events');
  const names = { info: 'info', warn: 'warning', error: 'error' };
  const logged = Object.entries(logLevels).map(([event, level]) => [event, names[level]]);
  const documented = rows.map(([event, level]) => [event?.code[0], level?.text]);
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(logged));
});

it('every warning and error is in the chart of troubles', () => {
  const charted = read('infra/queries/troubles.kql').matchAll(/"([a-z]+[A-Z]\w+)"/gu);
  const troubles = Object.entries(logLevels).flatMap(([event, level]) => (level === 'info' ? [] : [event]));
  expect(new Set([...charted].map(([, event]) => event))).toEqual(new Set(troubles));
});
