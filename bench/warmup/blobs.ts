// What the container of bench/warmup.ts holds. Used by the bench and its workers.

import { createHash } from 'node:crypto';

export const containerName = 'warmset';
export const blobCount = 10_000;
export const blobBytes = 2048;
/** How many of them are copied one after the other. */
export const sequentialSample = 300;

export function blobName(index: number): string {
  return `set/${index.toString().padStart(5, '0')}`;
}

/** Different for each blob and each version of it. */
export function blobBody(index: number, version = 0): Buffer {
  const seed = createHash('sha256').update(`${index} ${version}`).digest('hex');
  return Buffer.alloc(blobBytes, seed);
}
