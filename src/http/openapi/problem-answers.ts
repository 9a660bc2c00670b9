// Error answers: the codes that an operation may answer, put together by their status.

import { problems, type ProblemCode } from '../problem.ts';
import { headersOf, type AnswerHeader } from './headers.ts';
import { schemaRef, type Json } from './json.ts';

/** What answers with these codes always have. */
const headersOfCodes: Readonly<Partial<Record<ProblemCode, readonly AnswerHeader[]>>> = {
  unauthenticated: ['WWW-Authenticate'],
  forbidden: ['WWW-Authenticate'],
  'writes-disabled': ['Allow'],
  'unsupported-encoding': ['Accept-Encoding'],
  'range-not-satisfiable': ['ETag', 'Content-Range'],
  'too-many-purges': ['Retry-After'],
  'authority-unavailable': ['Retry-After'],
  'entry-newer': ['Retry-After'],
  'cache-unavailable': ['Retry-After'],
  overloaded: ['Retry-After'],
  'origin-pending': ['Retry-After'],
  'deadline-exceeded': ['Retry-After'],
  'write-outcome-unknown': ['Retry-After'],
};

/** What they may have besides. */
const extras: Readonly<Partial<Record<ProblemCode, readonly AnswerHeader[]>>> = {
  'invalid-header': ['WWW-Authenticate'],
  'precondition-failed': ['ETag'],
  'origin-failed': ['Retry-After'],
};

export interface ProblemOptions {
  /** Of an entry: they say where it was looked for. */
  readonly hasCacheStatus?: boolean;
  /** Whether an origin may have answered with the status of a problem, too. */
  readonly orOrigins?: boolean;
}

/** By status. */
export function problemAnswers(
  codes: readonly ProblemCode[],
  { hasCacheStatus = false, orOrigins = false }: ProblemOptions = {},
): Readonly<Record<string, Json>> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, own]) => {
      const origins = orOrigins && status < 500 && status !== 404;
      const all = own.map((code) => headersOfCodes[code] ?? []);
      const [first = []] = all;
      // An origin's answer has none of them.
      const always = origins ? [] : first.filter((name) => all.every((names) => names.includes(name)));
      const some = new Set([...all.flat(), ...own.flatMap((code) => extras[code] ?? [])]);
      const maybe = [...some].filter((name) => !always.includes(name));
      const schema = {
        allOf: [schemaRef('Problem'), { properties: { status: { const: status }, code: { enum: own } } }],
      };
      const answer = {
        description: own.map((code) => `${problems[code].title} (\`${code}\`).`).join(' '),
        headers: headersOf({
          always: ['Cache-Control', ...always],
          maybe: hasCacheStatus ? [...maybe, 'Cache-Status'] : maybe,
        }),
        content: { 'application/problem+json': { schema }, ...(origins ? { '*/*': {} } : {}) },
      };
      return [`${status}`, answer];
    }),
  );
}
