// The origins of a cache: which one is asked for a key, and what the rule of the key's prefix says of its entries.

import { longestPrefix, type Prefixed } from '../util/longest-prefix.ts';
import { listedSections } from './listed-sections.ts';
import type { OriginHealth } from './origin-health.ts';
import type { Origin, OriginListing } from './origin.ts';

/** An origin in use, whose failures are counted apart from those of others. */
export interface OwnOrigin {
  readonly origin: Origin;
  readonly health: OriginHealth;
}

/** What holds of entries where their origin does not say. */
export interface Terms {
  /** The cache's default where undefined, as of the next. */
  readonly ttlSeconds?: number | undefined;
  readonly staleSeconds?: number | undefined;
  /** Added to those that the origin gives. */
  readonly tags?: readonly string[] | undefined;
}

export interface RuleOfOrigin extends Terms, Prefixed {
  /** The default one where undefined. */
  readonly origin?: OwnOrigin | undefined;
}

/** What is asked for a key, and on which terms. The same object for each key of a rule. */
export interface ChosenOrigin extends OwnOrigin {
  readonly terms: Terms;
}

export interface Origins {
  /** @param key as it is asked for. Undefined where it has no origin. */
  choose(key: string): ChosenOrigin | undefined;
  /** What lists the keys that begin with `prefix`. */
  listed(prefix: string): readonly ListedOrigin[];
}

export interface ListedOrigin {
  readonly listing: OriginListing;
  readonly health: OriginHealth;
  readonly prefix: string;
  /** The terms of a key that was listed; undefined where another origin is asked for it. */
  readonly termsOf: (key: string) => Terms | undefined;
}

const noTerms: Terms = {};

/** @param fallback what is asked for the keys of no rule, and of rules that name no origin. */
export function createOrigins(fallback: OwnOrigin | undefined, rules: readonly RuleOfOrigin[]): Origins {
  const usual = fallback && { ...fallback, terms: noTerms };
  const find = longestPrefix(
    rules.map((rule) => {
      const own = rule.origin ?? fallback;
      const { prefix, ttlSeconds, staleSeconds, tags } = rule;
      return { prefix, chosen: own && { ...own, terms: { ttlSeconds, staleSeconds, tags } } };
    }),
  );
  const choose = (key: string): ChosenOrigin | undefined => {
    const rule = find(key);
    return rule === undefined ? usual : rule.chosen;
  };
  return {
    choose,
    listed: (prefix) =>
      listedSections(prefix, rules, fallback, ({ origin }) => origin.listing !== undefined).flatMap(
        ({ origin: { origin, health }, prefix: part }) => {
          const termsOf = (key: string): Terms | undefined => {
            const chosen = choose(key);
            return chosen?.origin === origin ? chosen.terms : undefined;
          };
          return origin.listing === undefined
            ? []
            : [{ listing: origin.listing, health, prefix: part, termsOf }];
        },
      ),
  };
}
