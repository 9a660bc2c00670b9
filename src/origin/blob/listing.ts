// Lists the blobs of a container, page by page. Loaded on the first listing: reads need no XML parser.

import { SaxesParser } from 'saxes';
import type { ListedEntry, ListedPage } from '../origin.ts';
import { originFailed } from '../origin-timeout.ts';
import { drain, readBody } from '../response-body.ts';
import { blobFailure } from './failures.ts';
import { metadataTagging } from './load.ts';
import { askStorage, type BlobService } from './service.ts';

/** The service gives up to 5,000. A page is in memory as a whole. */
const pageSize = 1000;
/** 1,000 names of 1,024 characters are 3 MB at most; metadata is limited to 8 KB a blob. */
const maxListingBytes = 16 * 1024 * 1024;

export interface PageQuery {
  readonly containerUrl: string;
  readonly prefix: string;
  readonly continuationToken: string | undefined;
}

/** @throws AppError `origin-failed` where storage answered with an error, or with something else than a page. */
export async function listPage(
  service: BlobService,
  { containerUrl, prefix, continuationToken }: PageQuery,
  signal: AbortSignal,
): Promise<ListedPage> {
  const { where, clock } = service;
  const query = {
    restype: 'container',
    comp: 'list',
    include: 'metadata',
    maxresults: `${pageSize}`,
    ...(prefix === '' ? {} : { prefix }),
    ...(continuationToken === undefined ? {} : { marker: continuationToken }),
  };
  const url = new URL(containerUrl);
  // Not URLSearchParams, which encodes a space as "+".
  url.search = Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  const answer = await askStorage(service, url, {}, signal);
  if (answer.status !== 200) {
    await drain(answer.body, clock);
    throw blobFailure(answer, where, clock.wallMs());
  }
  if (answer.framing.kind === 'until-close') throw originFailed(where, 'announced no length of a listing');
  const announcedBytes = answer.framing.kind === 'length' ? answer.framing.bytes : undefined;
  const body = await readBody(answer.body, maxListingBytes, announcedBytes);
  if (body === undefined) throw originFailed(where, `sent a listing of more than ${maxListingBytes} bytes`);
  try {
    return readPage(body.toString());
  } catch (error) {
    throw originFailed(where, 'sent a listing that is no well-formed XML', { cause: error });
  }
}

/**
 * https://learn.microsoft.com/rest/api/storageservices/list-blobs#response-body
 * @throws Error where it is not well formed.
 */
export function readPage(xml: string): ListedPage {
  const entries: ListedEntry[] = [];
  let continuationToken = '';
  let blob = noBlob();
  let isNameEncoded = false;
  const path: string[] = [];
  let text = '';

  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    path.push(name);
    text = '';
    if (name === 'Name') isNameEncoded = attributes['Encoded'] === 'true';
  });
  parser.on('text', (more) => (text += more));
  parser.on('cdata', (more) => (text += more));
  parser.on('closetag', () => {
    // Names of metadata keep the case in which they were given.
    if (path.length === 5 && path[3] === 'Metadata') path[4] = path[4]?.toLowerCase() ?? '';
    switch (path.join('/')) {
      case 'EnumerationResults/NextMarker':
        continuationToken = text;
        break;
      case 'EnumerationResults/Blobs/Blob/Name':
        // Names with characters that XML cannot hold.
        blob.name = isNameEncoded ? decodeURIComponent(text) : text;
        break;
      case 'EnumerationResults/Blobs/Blob/Properties/Etag':
        // Listings give entity tags without their quotes.
        blob.etag = `"${text.replaceAll('"', '')}"`;
        break;
      case 'EnumerationResults/Blobs/Blob/Properties/Content-Length':
        blob.bytes = Number(text);
        break;
      case 'EnumerationResults/Blobs/Blob/Metadata/hdi_isfolder':
        blob.isDirectory = text.toLowerCase() === 'true';
        break;
      case 'EnumerationResults/Blobs/Blob/Metadata/cachetags':
        blob.cachetags = text;
        break;
      case 'EnumerationResults/Blobs/Blob':
        if (!blob.isDirectory) entries.push(listed(blob));
        blob = noBlob();
        break;
    }
    path.pop();
    text = '';
  });
  parser.write(xml).close();
  return { entries, continuationToken: continuationToken === '' ? undefined : continuationToken };
}

interface ListedBlob {
  name: string;
  etag: string;
  bytes: number;
  isDirectory: boolean;
  cachetags: string | undefined;
}

function noBlob(): ListedBlob {
  return { name: '', etag: '', bytes: 0, isDirectory: false, cachetags: undefined };
}

function listed({ name, etag, bytes, cachetags }: ListedBlob): ListedEntry {
  const tagging = cachetags === undefined ? {} : { tagging: metadataTagging(cachetags) };
  return { key: name, etag, bytes, ...tagging };
}
