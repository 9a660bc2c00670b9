// The typed client over a scripted fetch and a fake clock.

import { cacheClient, type CacheClient } from '../../src/client/cache-client.ts';
import { resolveClientOptions, type CacheClientOptions } from '../../src/exports/client-options.ts';
import { FakeClock } from './fake-clock.ts';
import { scriptedFetch, type ScriptedAnswer, type ScriptedFetch } from './scripted-fetch.ts';

export interface ClientSubject extends ScriptedFetch {
  readonly client: CacheClient;
  readonly clock: FakeClock;
}

export function clientSubject(
  answers: readonly ScriptedAnswer[],
  options: Partial<CacheClientOptions> = {},
): ClientSubject {
  const clock = new FakeClock();
  const script = scriptedFetch(...answers);
  const all = { url: 'https://app.example/api', fetch: script.fetch, ...options };
  const client = cacheClient(resolveClientOptions(all, { clock, random: () => 0.5 }));
  return { ...script, client, clock };
}
