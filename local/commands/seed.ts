// A few entries of different kinds, so that the first curl finds something. Used by start.ts.

import type { LocalRedis } from '../redis-server.ts';

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

/** Writes entries over HTTP, as any client would, and one plain string as somebody else would. */
export async function seed(hostUrl: string, redis: LocalRedis): Promise<void> {
  for (const { key, contentType, body } of entries) {
    const url = `${hostUrl}/api/cache/${key}?ttl=86400`;
    const response = await fetch(url, { method: 'PUT', headers: { 'Content-Type': contentType }, body });
    if (!response.ok) throw new Error(`Seeding ${key}: the app answered ${response.status}.`);
  }
  await redis.admin('SET', 'plain', 'A plain Redis string that somebody else wrote.\n');
}
