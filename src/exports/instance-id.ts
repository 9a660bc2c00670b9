// How an instance is named to the others.

import { randomBytes } from 'node:crypto';

/** The random part tells processes of one host apart. */
export function instanceId(host: string | null): string {
  const name = (host ?? 'local').replaceAll(/[^\w.-]/gu, '').slice(0, 12);
  return `${name}-${randomBytes(3).toString('hex')}`;
}
