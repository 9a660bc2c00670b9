// The client knows every problem code that docs/http.md has, and a result or an error for each.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { requestErrorCodes } from '../../../src/client/request-error.ts';
import { unavailableCodes } from '../../../src/client/results.ts';
import { parseMarkdown, tableBelow } from '../../support/markdown.ts';

const path = join(import.meta.dirname, '../../../docs/http.md');
const rows = tableBelow(parseMarkdown(readFileSync(path, 'utf8')), 'Errors');
const codes = rows.flatMap(([names]) => names?.code ?? []);

it('each is a result of its own, an error, or unavailable', () => {
  expect(codes.length).toBeGreaterThan(20);
  const known: readonly string[] = [
    'not-found',
    'precondition-failed',
    ...requestErrorCodes,
    ...unavailableCodes,
  ];
  expect(codes.filter((code) => !known.includes(code))).toEqual([]);
});
