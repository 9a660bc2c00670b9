// Reads the settings of the origin and of its warm set.

import { isIP } from 'node:net';
import { isUrlTemplate } from '../util/url-template.ts';
import type { SettingsReader } from './settings-reader.ts';

export type OriginSettings =
  | { readonly kind: 'none' }
  | (HeaderSettings & { readonly kind: 'blob'; readonly containerUrl: string })
  | (HeaderSettings & { readonly kind: 'http'; readonly urlTemplate: string });

interface HeaderSettings {
  /** Names of header fields, in lower case, that are stored with an entry. */
  readonly keepHeaders: readonly string[];
}

/** What the scheduled warmup keeps in the cache; both empty for all of a container, or for nothing. */
export interface WarmSetSettings {
  readonly keys: readonly string[];
  readonly prefix: string;
}

const containerExpectation =
  'the https:// URL of one blob container, like https://account.blob.core.windows.net/container, without a user name, query or fragment: the identity of this app enters it, and no SAS';
const templateExpectation =
  'an http:// or https:// URL with {key}, or {+key} to keep its slashes, once, in its path or query, without a user name or fragment';

export function readOrigin(reader: SettingsReader): OriginSettings {
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

const defaultKeepHeaders = ['content-language', 'content-disposition', 'link'];
const maxKeepHeaders = 20;

// What belongs to one connection (RFC 9110, section 7.6.1) or one client, or is set by the app itself.
const neverStored: ReadonlySet<string> = new Set(
  `connection keep-alive proxy-connection te trailer transfer-encoding upgrade proxy-authenticate
   proxy-authorization proxy-authentication-info set-cookie set-cookie2 accept-ranges age
   cache-control cache-status cdn-cache-control content-encoding content-length content-md5
   content-range content-security-policy content-type date etag expires last-modified retry-after
   server vary warning x-content-type-options`.split(/\s+/u),
);

function readKeepHeaders(reader: SettingsReader): readonly string[] {
  const value = reader.optional('ORIGIN_KEEP_HEADERS');
  if (value === undefined) return defaultKeepHeaders;
  const names = value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
  const wrong = names.find((name) => neverStored.has(name) || !/^[a-z\d!#$%&'*+.^_`|~-]{1,100}$/u.test(name));
  if (wrong !== undefined || names.length > maxKeepHeaders) {
    const expected = `at most ${maxKeepHeaders} names of header fields, separated by commas, and none that belong to a connection or a client, or that the app sets itself`;
    reader.add('ORIGIN_KEEP_HEADERS', expected);
  }
  return [...new Set(names)];
}

/** A warm set that would be ignored is a fault: an operator who names one relies on it. */
export function readWarmSet(reader: SettingsReader, { kind }: OriginSettings): WarmSetSettings {
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

// https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
const containerName = /^(?:\$root|\$web|(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*)$/u;

function isContainerUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return false;
  // Empty ones, too: a SAS may have been removed after the "?".
  if (/[?#]/u.test(value)) return false;
  const path = url.pathname.replace(/^\/|\/$/gu, '').split('/');
  // Where the host name cannot name the account, the path does: Azurite's way
  // (https://learn.microsoft.com/azure/storage/common/storage-connect-azurite).
  const accountInPath = url.hostname === 'localhost' || isIP(url.hostname.replaceAll(/[[\]]/gu, '')) !== 0;
  return path.length === (accountInPath ? 2 : 1) && containerName.test(path.at(-1) ?? '');
}
