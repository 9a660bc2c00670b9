// Rules by prefix as they are given: which members each may have, and everything that is wrong with them.

import { isContainerUrl, originExpectation, type SomeOrigin } from './origin-rules.ts';
import { areTags, distinctTags, tagsExpectation } from './tags.ts';
import { isUrlTemplate } from '../util/url-template.ts';

/** Of the keys that begin with `prefix` and with no longer prefix of another rule. */
export interface OriginRule {
  readonly prefix: string;
  /** The default one where undefined. */
  readonly origin?: SomeOrigin | undefined;
  readonly ttlSeconds?: number | undefined;
  readonly staleSeconds?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** What was expected in which place: `[2].prefix`; empty for all of it. */
export interface RuleFault {
  readonly at: string;
  readonly expected: string;
}

export interface RuleLimits {
  readonly maxTtlSeconds: number;
}

const mostRules = 100;
const mostPrefixBytes = 1024;
const members = ['prefix', 'origin', 'ttlSeconds', 'staleSeconds', 'tags'] as const;

export const rulesExpectation = `an array of at most ${mostRules} rules, each an object with ${members.join(', ')}, of which only prefix is required`;

/**
 * @param value as it came out of JSON, or from whoever calls.
 * @param keepHeaders as of the default origin.
 */
export function readOriginRules(
  value: unknown,
  keepHeaders: readonly string[],
  limits: RuleLimits,
): { readonly rules: readonly OriginRule[]; readonly faults: readonly RuleFault[] } {
  if (!Array.isArray(value) || value.length > mostRules) {
    return { rules: [], faults: [{ at: '', expected: rulesExpectation }] };
  }
  const given = value as readonly unknown[];
  const faults = given.flatMap((rule, index) =>
    faultsOf(rule, limits).map(({ at, expected }) => ({ at: `[${index}]${at}`, expected })),
  );
  const repeated = given.flatMap((rule, index) => {
    const first = given.findIndex((other) => isSamePrefix(rule, other));
    if (first === -1 || first === index) return [];
    return [{ at: `[${index}].prefix`, expected: `another prefix than [${first}] has` }];
  });
  const all = [...faults, ...repeated];
  const rules =
    all.length > 0 ? [] : (given as readonly GivenRule[]).map((rule) => ruleOf(rule, keepHeaders));
  return { rules, faults: all };
}

/** A rule without faults. */
interface GivenRule extends Omit<OriginRule, 'origin'> {
  readonly origin?: string;
}

function ruleOf({ origin, tags, ...rule }: GivenRule, keepHeaders: readonly string[]): OriginRule {
  return {
    ...rule,
    ...(tags === undefined ? {} : { tags: distinctTags(tags) }),
    ...(origin === undefined ? {} : { origin: choiceOf(origin, keepHeaders) }),
  };
}

function choiceOf(url: string, keepHeaders: readonly string[]): SomeOrigin {
  return isUrlTemplate(url)
    ? { kind: 'http', urlTemplate: url, keepHeaders }
    : { kind: 'blob', containerUrl: url, keepHeaders };
}

function isSamePrefix(one: unknown, other: unknown): boolean {
  const [mine, others] = [one, other].map((rule) => (rule as { readonly prefix?: unknown } | null)?.prefix);
  return typeof mine === 'string' && mine === others;
}

function faultsOf(rule: unknown, limits: RuleLimits): readonly RuleFault[] {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) {
    return [{ at: '', expected: `an object with ${members.join(', ')}` }];
  }
  const given = rule as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).filter((name) => !(members as readonly string[]).includes(name));
  return [
    ...Object.entries(formOf(limits)).flatMap(([name, { expected, holds }]) =>
      holds(given[name]) ? [] : [{ at: `.${name}`, expected }],
    ),
    ...unknown.map((name) => ({ at: '', expected: `no ${shown(name)}; a rule has ${members.join(', ')}` })),
  ];
}

interface MemberForm {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

function formOf({ maxTtlSeconds }: RuleLimits): Readonly<Record<(typeof members)[number], MemberForm>> {
  return {
    prefix: {
      expected:
        'the beginning of keys as they are, like "images/", at most 1,024 bytes, without control characters, a slash before and a * after it',
      holds: (value) => typeof value === 'string' && isPrefix(value),
    },
    origin: {
      expected: originExpectation,
      holds: (value) =>
        value === undefined || (typeof value === 'string' && (isUrlTemplate(value) || isContainerUrl(value))),
    },
    ttlSeconds: wholeSeconds(1, maxTtlSeconds),
    staleSeconds: wholeSeconds(0, maxTtlSeconds),
    tags: {
      expected: `an array of ${tagsExpectation}`,
      holds: (value) => value === undefined || areTags(value),
    },
  };
}

function isPrefix(value: string): boolean {
  return (
    Buffer.byteLength(value) <= mostPrefixBytes && value.isWellFormed() && !/\p{Cc}|^\/|\*$/u.test(value)
  );
}

function wholeSeconds(least: number, most: number): MemberForm {
  return {
    expected: `a whole number from ${least} to ${most}`,
    holds: (value) =>
      value === undefined ||
      (Number.isInteger(value) && (value as number) >= least && (value as number) <= most),
  };
}

/** A name is told, unless it may be anything. */
function shown(name: string): string {
  return `"${name.slice(0, 40).replaceAll(/[^\w.-]/gu, '?')}"`;
}
