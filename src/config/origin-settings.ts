// Reads the settings of the origin and of its warm set.

import {
  areKeptHeaders,
  containerExpectation,
  defaultKeepHeaders,
  isContainerUrl,
  keepHeadersExpectation,
  templateExpectation,
  type OriginChoice,
} from '../origin/origin-rules.ts';
import { maxTtlSeconds } from '../cache/freshness.ts';
import { listedSections } from '../origin/listed-sections.ts';
import { readOriginRules, rulesExpectation, type OriginRule } from '../origin/rule-form.ts';
import { longestPrefix } from '../util/longest-prefix.ts';
import { isUrlTemplate } from '../util/url-template.ts';
import type { SettingsReader } from './settings-reader.ts';

/** What the scheduled warmup keeps in the cache; both empty for all of a container, or for nothing. */
export interface WarmSetSettings {
  readonly keys: readonly string[];
  readonly prefix: string;
}

export interface OriginSettings {
  /** Of the keys of no rule, and of rules that name none. */
  readonly origin: OriginChoice;
  readonly originRules: readonly OriginRule[];
}

export function readOrigins(reader: SettingsReader): OriginSettings {
  const keepHeaders = readKeepHeaders(reader);
  return { origin: readOrigin(reader, keepHeaders), originRules: readRules(reader, keepHeaders) };
}

function readOrigin(reader: SettingsReader, keepHeaders: readonly string[]): OriginChoice {
  const containerUrl = reader.optional('ORIGIN_BLOB_CONTAINER_URL');
  const urlTemplate = reader.optional('ORIGIN_URL_TEMPLATE');
  if (containerUrl !== undefined && !isContainerUrl(containerUrl)) {
    reader.add('ORIGIN_BLOB_CONTAINER_URL', containerExpectation);
  }
  if (urlTemplate !== undefined && !isUrlTemplate(urlTemplate)) {
    reader.add('ORIGIN_URL_TEMPLATE', templateExpectation);
  }
  if (containerUrl !== undefined && urlTemplate !== undefined) {
    reader.add(
      'ORIGIN_URL_TEMPLATE',
      'to be left out where ORIGIN_BLOB_CONTAINER_URL is set: one origin at most',
    );
  }
  if (containerUrl !== undefined) return { kind: 'blob', containerUrl, keepHeaders };
  if (urlTemplate !== undefined) return { kind: 'http', urlTemplate, keepHeaders };
  return { kind: 'none' };
}

// Of all rules together, in characters.
const longestRules = 32_768;

function readRules(reader: SettingsReader, keepHeaders: readonly string[]): readonly OriginRule[] {
  const name = 'ORIGIN_RULES';
  const value = reader.optional(name);
  if (value === undefined) return [];
  if (value.length > longestRules) {
    reader.add(name, `at most ${longestRules} characters`);
    return [];
  }
  let given: unknown;
  try {
    given = JSON.parse(value);
  } catch {
    reader.add(name, `JSON: ${rulesExpectation}`);
    return [];
  }
  const { rules, faults } = readOriginRules(given, keepHeaders, { maxTtlSeconds });
  for (const { at, expected } of faults) reader.add(`${name}${at}`, expected);
  return rules;
}

/** Whether something that begins with `prefix` can be listed. */
export function canBeListed(prefix: string, { origin, originRules }: OriginSettings): boolean {
  const isBlob = ({ kind }: OriginChoice): boolean => kind === 'blob';
  return listedSections<OriginChoice>(prefix, originRules, origin, isBlob).length > 0;
}

function readKeepHeaders(reader: SettingsReader): readonly string[] {
  const value = reader.optional('ORIGIN_KEEP_HEADERS');
  if (value === undefined) return defaultKeepHeaders;
  const names = value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
  if (!areKeptHeaders(names)) reader.add('ORIGIN_KEEP_HEADERS', keepHeadersExpectation);
  return [...new Set(names)];
}

/** A warm set that would be ignored is a fault: an operator who names one relies on it. */
export function readWarmSet(reader: SettingsReader, settings: OriginSettings): WarmSetSettings {
  const { origin, originRules } = settings;
  const keys = readKeys(reader);
  const prefix = reader.optional('WARMUP_PREFIX') ?? '';
  const ruleOf = longestPrefix(originRules);
  const strangers = keys.filter((key) => (ruleOf(key)?.origin ?? origin).kind === 'none').length;
  const hasOrigin = origin.kind !== 'none' || originRules.some((rule) => rule.origin !== undefined);
  if (strangers > 0 && hasOrigin) {
    reader.add('WARMUP_KEYS', `keys that have an origin: ORIGIN_RULES names none for ${strangers} of them`);
  } else if (strangers > 0) {
    reader.add('WARMUP_KEYS', 'to be left out where no origin is set: there is nothing to warm from');
  }
  if (prefix !== '' && !canBeListed(prefix, settings)) {
    const instead = hasOrigin
      ? 'an HTTP origin lists nothing; name the keys in WARMUP_KEYS'
      : 'nothing else lists';
    reader.add('WARMUP_PREFIX', `to be left out where no blob container serves what begins so: ${instead}`);
  } else if (keys.length > 0 && prefix !== '') {
    reader.add('WARMUP_PREFIX', 'to be left out where WARMUP_KEYS names the warm set');
  } else if (/^\/|\*$/u.test(prefix)) {
    reader.add(
      'WARMUP_PREFIX',
      'the beginning of blob names as they are, like "images/", without a slash before and a * after it',
    );
  }
  return { keys, prefix };
}

/** Separated by commas; as a JSON array where a key has a comma, or white space at an end. */
function readKeys(reader: SettingsReader): readonly string[] {
  const value = reader.optional('WARMUP_KEYS') ?? '';
  if (!value.startsWith('[')) {
    return value
      .split(',')
      .map((key) => key.trim())
      .filter(Boolean);
  }
  try {
    const keys: unknown = JSON.parse(value);
    if (Array.isArray(keys) && keys.every((key) => typeof key === 'string' && key !== ''))
      return keys as string[];
  } catch {
    // Reported below.
  }
  reader.add(
    'WARMUP_KEYS',
    'keys separated by commas, or a JSON array of strings: a value that begins with "[" is taken for one',
  );
  return [];
}
