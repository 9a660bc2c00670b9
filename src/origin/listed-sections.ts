// Where what begins with a prefix is listed, when parts of it come from different origins.

import { longestPrefix, type Prefixed } from '../util/longest-prefix.ts';

export interface PlacedRule<T> extends Prefixed {
  /** The default one where undefined. */
  readonly origin?: T | undefined;
}

export interface ListedSection<T> {
  readonly origin: T;
  readonly prefix: string;
}

/**
 * One listing for each origin and part of what begins with `prefix`, none of which contains another of the same origin.
 * What is listed may hold keys of other origins.
 * @param fallback the default origin.
 */
export function listedSections<T>(
  prefix: string,
  rules: readonly PlacedRule<T>[],
  fallback: T | undefined,
  canList: (origin: T) => boolean,
): readonly ListedSection<T>[] {
  const whole = { prefix, origin: longestPrefix(rules)(prefix)?.origin };
  const parts = rules.filter((rule) => rule.prefix.startsWith(prefix) && rule.prefix !== prefix);
  const byPrefix = parts.toSorted((one, other) => (one.prefix < other.prefix ? -1 : 1));
  const sections = [whole, ...byPrefix].flatMap((part) => {
    const origin = part.origin ?? fallback;
    return origin === undefined || !canList(origin) ? [] : [{ origin, prefix: part.prefix }];
  });
  return sections.filter(
    (section) =>
      !sections.some(
        (other) =>
          other !== section && other.origin === section.origin && section.prefix.startsWith(other.prefix),
      ),
  );
}
