// Fills the local parts so that the first curl finds something: entries in the cache, the data set in storage.
// Used by start.ts, stack.ts and tests.

import { makeDataset, warmPrefix } from '../dataset/dataset.ts';
import type { LocalRedis } from '../redis-server.ts';
import type { LocalStorage } from '../storage.ts';

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

const entries = [
  {
    key: 'hello',
    contentType: 'text/plain; charset=utf-8',
    body: Buffer.from('Hello, passwordless world!\n'),
  },
  { key: 'greetings/en.json', contentType: 'application/json', body: Buffer.from('{"greeting":"Hello"}\n') },
  { key: 'images/pixel.png', contentType: 'image/png', body: Buffer.from(pixel, 'base64') },
];

/** The container that the local app reads through to. */
export const originContainer = 'origin';
// More at once are no faster: Azurite is one thread.
const putsAtOnce = 8;

/** The settings of an app that reads through to the data set, and warms a part of it. */
export function originSettings(storage: LocalStorage): Readonly<Record<string, string>> {
  return { ORIGIN_BLOB_CONTAINER_URL: `${storage.blobUrl}/${originContainer}`, WARMUP_PREFIX: warmPrefix };
}

/**
 * Writes entries over HTTP, as any client would, and one plain string as somebody else would.
 * @param token of a caller who may write, where the app asks for one.
 */
export async function seedCache(hostUrl: string, redis: LocalRedis, token?: string): Promise<void> {
  for (const { key, contentType, body } of entries) {
    const url = `${hostUrl}/api/cache/${key}?ttl=86400`;
    const headers = { 'Content-Type': contentType, ...(token && { Authorization: `Bearer ${token}` }) };
    const response = await fetch(url, { method: 'PUT', headers, body });
    if (!response.ok) throw new Error(`Seeding ${key}: the app answered ${response.status}.`);
  }
  await redis.admin('SET', 'plain', 'A plain Redis string that somebody else wrote.\n');
}

/** Puts the data set into a new container; returns how many blobs that are. */
export async function seedStorage(storage: LocalStorage): Promise<number> {
  const blobs = makeDataset();
  await storage.createContainer(originContainer);
  const left = blobs.values();
  const lane = async (): Promise<void> => {
    for (const { name, body, contentType, cacheControl } of left) {
      await storage.putBlob(originContainer, name, body, contentType, cacheControl);
    }
  };
  await Promise.all(Array.from({ length: putsAtOnce }, lane));
  return blobs.length;
}
