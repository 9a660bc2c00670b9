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
import { isUrlTemplate } from '../util/url-template.ts';
import type { SettingsReader } from './settings-reader.ts';

/** What the scheduled warmup keeps in the cache; both empty for all of a container, or for nothing. */
export interface WarmSetSettings {
  readonly keys: readonly string[];
  readonly prefix: string;
}

export function readOrigin(reader: SettingsReader): OriginChoice {
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
  const keepHeaders = readKeepHeaders(reader);
  if (containerUrl !== undefined) return { kind: 'blob', containerUrl, keepHeaders };
  if (urlTemplate !== undefined) return { kind: 'http', urlTemplate, keepHeaders };
  return { kind: 'none' };
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
export function readWarmSet(reader: SettingsReader, { kind }: OriginChoice): WarmSetSettings {
  const canList = kind === 'blob';
  const keys = readKeys(reader);
  const prefix = reader.optional('WARMUP_PREFIX') ?? '';
  if (kind === 'none' && keys.length > 0) {
    reader.add('WARMUP_KEYS', 'to be left out where no origin is set: there is nothing to warm from');
  }
  if (!canList && prefix !== '') {
    const instead =
      kind === 'http' ? 'an HTTP origin lists nothing; name the keys in WARMUP_KEYS' : 'nothing else lists';
    reader.add('WARMUP_PREFIX', `to be left out where ORIGIN_BLOB_CONTAINER_URL is not set: ${instead}`);
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
