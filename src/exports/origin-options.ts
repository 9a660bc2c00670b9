// The options of createCache that say where entries come from, and what is wrong with those that were given.

import { maxTtlSeconds } from '../cache/freshness.ts';
import {
  areKeptHeaders,
  containerExpectation,
  defaultKeepHeaders,
  isContainerUrl,
  keepHeadersExpectation,
  templateExpectation,
  type OriginChoice,
} from '../origin/origin-rules.ts';
import { readOriginRules, rulesExpectation, type OriginRule } from '../origin/rule-form.ts';
import { isUrlTemplate } from '../util/url-template.ts';
import type { Rule } from './options.ts';

/** Where `get`, and reads over HTTP, find what the cache does not have. */
export type OriginOptions = HeaderOptions &
  (
    | {
        /** URL of a blob container, entered by the client's credential; the key is the name of the blob. */
        readonly blobContainerUrl: string;
      }
    | {
        /** URL of an HTTP service, with `{key}`, or `{+key}` to keep its slashes. */
        readonly urlTemplate: string;
      }
  );

interface HeaderOptions {
  /**
   * Header fields of the origin's answer that are kept with an entry, beside its type and validators;
   * `Content-Language`, `Content-Disposition` and `Link` where undefined.
   */
  readonly keepHeaders?: readonly string[] | undefined;
}

/**
 * What holds of the keys that begin with `prefix`, and with no longer one of another rule.
 *
 * @example
 * ```ts
 * const originRules = [
 *   { prefix: 'images/', origin: 'https://account.blob.core.windows.net/images', ttlSeconds: 3600 },
 *   { prefix: 'prices/', origin: 'https://prices.example/{+key}', ttlSeconds: 30, tags: ['prices'] },
 * ];
 * ```
 */
export interface OriginRuleOptions {
  /** The beginning of keys as the origin is asked for them, without the cache's `namespace`. */
  readonly prefix: string;
  /**
   * URL of an HTTP service with `{key}` or `{+key}`, or of a blob container, as of `origin`, whose `keepHeaders` hold for
   * it, too. `origin` itself where undefined.
   */
  readonly origin?: string | undefined;
  /** Seconds that lives what comes without a lifetime; the cache's `defaultTtlSeconds` where undefined. */
  readonly ttlSeconds?: number | undefined;
  /** Seconds past it in which that may still be answered; the cache's `staleSeconds` where undefined. */
  readonly staleSeconds?: number | undefined;
  /** Added to the tags that the origin gives. */
  readonly tags?: readonly string[] | undefined;
}

export const anOrigin: Rule = {
  expected: `blobContainerUrl (${containerExpectation}), or urlTemplate (${templateExpectation}); and perhaps keepHeaders (${keepHeadersExpectation})`,
  holds: (value) => originOf(value as OriginOptions) !== undefined,
};

export const someRules: Rule = {
  expected: rulesExpectation,
  holds: (value) => rulesOf(value, []).faults.length === 0,
  faultsOf: (value) => rulesOf(value, []).faults,
};

/** Those that were given, checked; nothing where there are none. */
export function resolveOrigins({
  origin: given,
  originRules = [],
}: {
  readonly origin?: OriginOptions | undefined;
  readonly originRules?: readonly OriginRuleOptions[] | undefined;
}): { readonly origin: OriginChoice; readonly originRules: readonly OriginRule[] } {
  const origin = (given && originOf(given)) ?? { kind: 'none' };
  const keepHeaders = origin.kind === 'none' ? defaultKeepHeaders : origin.keepHeaders;
  return { origin, originRules: rulesOf(originRules, keepHeaders).rules };
}

function rulesOf(value: unknown, keepHeaders: readonly string[]): ReturnType<typeof readOriginRules> {
  return readOriginRules(value, keepHeaders, { maxTtlSeconds });
}

function originOf(options: OriginOptions | null): OriginChoice | undefined {
  if (typeof options !== 'object' || options === null) return undefined;
  const { keepHeaders = defaultKeepHeaders, ...where } = options;
  if (!Array.isArray(keepHeaders) || !keepHeaders.every((name) => typeof name === 'string')) return undefined;
  const names = [...new Set(keepHeaders.map((name) => name.toLowerCase()))];
  const [url, ...others] = Object.entries<unknown>(where);
  if (url === undefined || others.length > 0 || !areKeptHeaders(names)) return undefined;
  const [name, value] = url;
  if (typeof value !== 'string') return undefined;
  if (name === 'blobContainerUrl' && isContainerUrl(value))
    return { kind: 'blob', containerUrl: value, keepHeaders: names };
  if (name === 'urlTemplate' && isUrlTemplate(value))
    return { kind: 'http', urlTemplate: value, keepHeaders: names };
  return undefined;
}
