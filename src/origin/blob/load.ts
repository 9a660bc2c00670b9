// Loads one blob, whole or not at all.

import { createHash } from 'node:crypto';
import type { LoadOptions, OriginAnswer } from '../origin.ts';
import { unusable } from '../origin-timeout.ts';
import { drain } from '../response-body.ts';
import { conditionalHeaders, fieldsOf, namedFields, readResponse, type ReadOptions } from '../response.ts';
import { taggingOf, type Tagging } from '../tags.ts';
import type { Answer } from '../transport.ts';
import { blobFailure, errorCodeOf } from './failures.ts';
import { askStorage, type BlobService } from './service.ts';

export async function loadBlob(
  service: BlobService,
  url: string,
  options: LoadOptions & { readonly keepHeaders: readonly string[] },
): Promise<OriginAnswer> {
  const { where, clock } = service;
  const { validators, maxBytes, admits, signal, keepHeaders } = options;
  // Storage refuses weak tags, which may be left from another origin; it never gives one itself.
  const { etag } = validators ?? {};
  const condition = etag?.startsWith('"') === true ? conditionalHeaders({ etag }) : {};
  const answer = await askStorage(service, new URL(url), condition, signal);
  const { status, headers } = answer;
  const fields = fieldsOf(headers, keepHeaders);
  if (status === 200 && isDirectory(headers)) {
    await drain(answer.body, clock);
    return { kind: 'none', status: 404, fields: {} };
  }
  if (status === 200) {
    const tagging = metadataTagging(namedFields(headers, [tagsHeader])[tagsHeader]);
    return readBlob(answer, { where, maxBytes, admits, fields, tagging, restrictions: [], clock });
  }
  await drain(answer.body, clock);
  if (status === 304 && 'If-None-Match' in condition) return { kind: 'unchanged', fields, restrictions: [] };
  // Any other 404 may come from a proxy or mean that there is no container.
  if (status === 404 && errorCodeOf(headers) === 'BlobNotFound') {
    return { kind: 'none', status, fields: {} };
  }
  throw blobFailure(answer, where, clock.wallMs());
}

const tagsHeader = 'x-ms-meta-cachetags';

/** Metadata is part of a blob's state: where the tags have changed, so has its entity tag. */
export function metadataTagging(cachetags: string | undefined): Tagging {
  return taggingOf(cachetags === undefined ? {} : { 'cache-tag': cachetags });
}

/** In a hierarchical namespace directories are empty blobs with this mark. */
function isDirectory(headers: Answer['headers']): boolean {
  return (
    headers['x-ms-meta-hdi_isfolder']?.toString().toLowerCase() === 'true' ||
    headers['x-ms-resource-type'] === 'directory'
  );
}

async function readBlob(answer: Answer, options: ReadOptions): Promise<OriginAnswer> {
  const { headers, framing } = answer;
  if (framing.kind !== 'length' || headers['content-range'] !== undefined) {
    throw unusable(options.where, 'answered with something else than a whole blob');
  }
  const response = await readResponse(answer, options);
  const { 'content-md5': md5 } = headers;
  if (md5 === undefined || response.kind !== 'answered') return response;
  if (createHash('md5').update(response.body).digest('base64') !== md5) {
    throw unusable(options.where, 'sent other bytes than its Content-MD5 says');
  }
  return response;
}
