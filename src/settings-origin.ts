// The settings of the origin and of its warm set. Used by settings.ts.
// Knows no origin: what a URL must look like is all that is checked.

import { isIP } from 'node:net';
import { isUrlTemplate } from './origin/place.ts';
import type { SettingsReader } from './settings-reader.ts';

export type OriginSettings =
  | { readonly kind: 'none' }
  | { readonly kind: 'blob'; readonly containerUrl: string }
  | { readonly kind: 'http'; readonly urlTemplate: string };

/** What the scheduled warmup keeps in the cache; both empty for all of a container, or for nothing. */
export interface WarmSetSettings {
  readonly keys: readonly string[];
  readonly prefix: string;
}

const containerExpectation =
  'the https:// URL of one blob container, like https://account.blob.core.windows.net/container, without a user name, query or fragment: the identity of this app enters it, and no SAS';
const templateExpectation =
  'an http:// or https:// URL with {key} once, in its path or query, without a user name or fragment';

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
  if (containerUrl !== undefined) return { kind: 'blob', containerUrl };
  if (urlTemplate !== undefined) return { kind: 'http', urlTemplate };
  return { kind: 'none' };
}

/** A warm set that would be ignored is a fault: whoever named it believes that it is warm. */
export function readWarmSet(reader: SettingsReader, { kind }: OriginSettings): WarmSetSettings {
  const keys = (reader.optional('WARMUP_KEYS') ?? '')
    .split(',')
    .map((key) => key.trim())
    .filter(Boolean);
  const prefix = reader.optional('WARMUP_PREFIX') ?? '';
  if (kind === 'none' && keys.length > 0) {
    reader.add('WARMUP_KEYS', 'to be left out where no origin is set: there is nothing to warm from');
  }
  if (kind !== 'blob' && prefix !== '') {
    const instead =
      kind === 'http' ? 'an HTTP origin lists nothing; name the keys in WARMUP_KEYS' : 'nothing else lists';
    reader.add('WARMUP_PREFIX', `to be left out where ORIGIN_BLOB_CONTAINER_URL is not set: ${instead}`);
  } else if (keys.length > 0 && prefix !== '') {
    reader.add('WARMUP_PREFIX', 'to be left out where WARMUP_KEYS names the warm set');
  }
  return { keys, prefix };
}

// https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
const containerName = /^(?:\$root|\$web|(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*)$/u;

function isContainerUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return false;
  // Also where they are empty: "?" is where a SAS was.
  if (/[?#]/u.test(value)) return false;
  const path = url.pathname.replace(/^\/|\/$/gu, '').split('/');
  // Where the host name cannot name the account, the path does: Azurite's way
  // (https://learn.microsoft.com/azure/storage/common/storage-connect-azurite).
  const accountInPath = url.hostname === 'localhost' || isIP(url.hostname.replaceAll(/[[\]]/gu, '')) !== 0;
  return path.length === (accountInPath ? 2 : 1) && containerName.test(path.at(-1) ?? '');
}
