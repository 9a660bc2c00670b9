// docs/http.md has the codes of all problems, with the statuses that they are answered with.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Problem, type ProblemCode } from '../../../src/http/problem.ts';
import { parseMarkdown, tableBelow } from '../../support/markdown.ts';

const path = join(import.meta.dirname, '../../../docs/http.md');
const rows = tableBelow(parseMarkdown(readFileSync(path, 'utf8')), 'Errors');

/** All codes: the compiler names one that is missing here, or is none. */
const statuses: Readonly<Record<ProblemCode, number>> = {
  'invalid-key': 400,
  'invalid-query': 400,
  'invalid-ttl': 400,
  'invalid-body': 400,
  'invalid-header': 400,
  unauthenticated: 401,
  forbidden: 403,
  'prefix-forbidden': 403,
  'not-found': 404,
  'writes-disabled': 405,
  'length-required': 411,
  'precondition-failed': 412,
  'value-too-large': 413,
  'body-too-large': 413,
  'unsupported-encoding': 415,
  'range-not-satisfiable': 416,
  'wrong-type': 422,
  'stored-value-too-large': 422,
  'too-many-purges': 429,
  'origin-failed': 502,
  'cache-unavailable': 503,
  'authority-unavailable': 503,
  'entry-newer': 503,
  overloaded: 503,
  'origin-pending': 503,
  'deadline-exceeded': 503,
  'write-outcome-unknown': 503,
};

it('docs/http.md has every problem code with its status', () => {
  const documented = rows.flatMap(([codes, status]) =>
    (codes?.code ?? []).map((code) => [code, Number(status?.text)]),
  );
  expect(Object.fromEntries(documented)).toEqual(statuses);
});

it.each(Object.entries(statuses))('%s is answered with %i', (code, status) => {
  expect(new Problem(code as ProblemCode, 'x').toResponse().status).toBe(status);
});
