// Checks the options of a public function: all faults at once, each by its name, and no value.

import { AppError } from '../util/errors.ts';

/** A rule for one option, and the words for what was expected. */
export interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
  /** What is wrong in which part of a value: `[2].prefix`. All of it, where undefined. */
  readonly faultsOf?: (value: unknown) => readonly { readonly at: string; readonly expected: string }[];
}

/** Of an options object: what each may be. An option that is undefined counts as not given. */
export type Rules<T> = { readonly [K in keyof T]-?: Rule & { readonly required?: true } };

/**
 * Checks all options once.
 * @param owner the function they were given to, as it is called.
 * @throws AppError `options-invalid` that names every option that is missing, wrong or unknown, and what was expected.
 */
export function checkOptions<T extends object>(owner: string, options: T, rules: Rules<T>): void {
  const given = options as Readonly<Record<string, unknown>>;
  if (typeof options !== 'object' || options === null) throw invalid(owner, ['the options: an object']);
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(rules, name));
  const faults = Object.entries<Rule & { readonly required?: true }>(rules).flatMap(
    ([name, { expected, holds, required, faultsOf }]) => {
      const value = given[name];
      if (value === undefined) return required ? [`${name} is missing: expected ${expected}`] : [];
      if (holds(value)) return [];
      const parts = faultsOf?.(value) ?? [{ at: '', expected }];
      return parts.map((part) => `${name}${part.at}: expected ${part.expected}`);
    },
  );
  const all = [
    ...faults,
    ...unknown.map((name) => `${name} is no option; there are ${Object.keys(rules).join(', ')}`),
  ];
  if (all.length > 0) throw invalid(owner, all);
}

function invalid(owner: string, faults: readonly string[]): AppError {
  const lines = faults.map((fault) => `  ${fault}`).join('\n');
  return new AppError('options-invalid', `${owner}: ${faults.length} option(s) missing or wrong:\n${lines}`);
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): Rule {
  return {
    expected: `a whole number from ${least} to ${most}`,
    holds: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Rule {
  return {
    expected: words.map((word) => `"${word}"`).join(' or '),
    holds: (value) => words.includes(value as string),
  };
}

/** A string that `pattern` matches. */
export function text(expected: string, pattern: RegExp): Rule {
  return { expected, holds: (value) => typeof value === 'string' && pattern.test(value) };
}

export const trueOrFalse: Rule = { expected: 'true or false', holds: (value) => typeof value === 'boolean' };

export const aFunction: Rule = { expected: 'a function', holds: (value) => typeof value === 'function' };

export function orNull({ expected, holds }: Rule): Rule {
  return { expected: `${expected}, or null`, holds: (value) => value === null || holds(value) };
}
