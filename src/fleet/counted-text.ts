// What was counted, as a line of text in Redis: `reads.redisHit=12 request.5=9`. Names, not places, so that versions of
// the app whose lists differ understand each other, and only what is not zero. Scripts in Redis read it, too.

import { eventKinds, latencyKinds, readKinds } from '../telemetry/measures.ts';
import { countedBy, type Counted } from './counted.ts';

/** Of one count: more than that is not believed. Sums of all instances over an hour stay exact below it. */
export const maxCount = 1e15;
const maxTextLength = 8192;

export function textOf({ reads, events, latencies }: Counted): string {
  const counts: (readonly [string, number])[] = [
    ...readKinds.map((kind) => [`reads.${kind}`, reads[kind]] as const),
    ...eventKinds.map((kind) => [`events.${kind}`, events[kind]] as const),
    ...latencyKinds.flatMap((kind) =>
      latencies[kind].map((count, index) => [`${kind}.${index}`, count] as const),
    ),
  ];
  return counts
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name}=${Math.min(Math.round(count), maxCount)}`)
    .join(' ');
}

/** Zero for each count that is missing or cannot be believed: whoever may write to the cache may have written it. */
export function countedFrom(text: string): Counted {
  const counts = new Map<string, number>();
  for (const part of text.length > maxTextLength ? [] : text.split(' ')) {
    const at = part.indexOf('=');
    const digits = part.slice(at + 1);
    const count = /^\d{1,16}$/u.test(digits) ? Number(digits) : 0;
    if (at > 0 && count <= maxCount) counts.set(part.slice(0, at), count);
  }
  const of = (name: string): number => counts.get(name) ?? 0;
  return countedBy({
    read: (kind) => of(`reads.${kind}`),
    event: (kind) => of(`events.${kind}`),
    bucket: (kind, index) => of(`${kind}.${index}`),
  });
}
