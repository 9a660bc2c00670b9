// What an origin may be given as, and which header fields of its answers may be kept.

import { isIP } from 'node:net';

export type OriginChoice = { readonly kind: 'none' } | SomeOrigin;

export type SomeOrigin =
  | (HeaderChoice & { readonly kind: 'blob'; readonly containerUrl: string })
  | (HeaderChoice & { readonly kind: 'http'; readonly urlTemplate: string });

/** Names one of several origins in events: where it is, and of a container also which one. */
export function originName(choice: SomeOrigin): string {
  if (choice.kind === 'blob') return new URL(choice.containerUrl).href.replace(/\/$/u, '');
  return new URL(choice.urlTemplate).origin;
}

interface HeaderChoice {
  /** Names of header fields, in lower case, that are stored with an entry. */
  readonly keepHeaders: readonly string[];
}

export const containerExpectation =
  'the https:// URL of one blob container, like https://account.blob.core.windows.net/container, without a user name, query or fragment: the identity of this app enters it, and no SAS';
export const templateExpectation =
  'an http:// or https:// URL with {key}, or {+key} to keep its slashes, once, in its path or query, without a user name or fragment';

export const originExpectation = `${templateExpectation}; or ${containerExpectation}`;

export const defaultKeepHeaders: readonly string[] = ['content-language', 'content-disposition', 'link'];
const maxKeepHeaders = 20;
export const keepHeadersExpectation = `at most ${maxKeepHeaders} names of header fields, separated by commas, and none that belong to a connection or a client, or that the app sets itself`;

// What belongs to one connection (RFC 9110, section 7.6.1) or one client, or is set by the app itself.
const neverStored: ReadonlySet<string> = new Set(
  `connection keep-alive proxy-connection te trailer transfer-encoding upgrade proxy-authenticate
   proxy-authorization proxy-authentication-info set-cookie set-cookie2 accept-ranges age
   cache-control cache-status cdn-cache-control content-encoding content-length content-md5
   content-range content-security-policy content-type date etag expires last-modified retry-after
   server vary warning x-content-type-options`.split(/\s+/u),
);

/** @param names in lower case. */
export function areKeptHeaders(names: readonly string[]): boolean {
  return (
    names.length <= maxKeepHeaders &&
    names.every((name) => !neverStored.has(name) && /^[a-z\d!#$%&'*+.^_`|~-]{1,100}$/u.test(name))
  );
}

// https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
const containerName = /^(?:\$root|\$web|(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*)$/u;

export function isContainerUrl(value: string): boolean {
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
