// What a read costs through the host: this app's package, a hand-written `redis` GET and an empty function, in turn on one
// local stack. Without a tier in memory: `bench/tiers.ts` has that.

import { startHost, type Host } from '../local/functions-host/host.ts';
import { startStack } from '../local/stack.ts';
import { buildApps } from './cold-start/apps.ts';
import { hostRates } from './support/host-rates.ts';
import { median } from './support/median.ts';

const rounds = 7;
const concurrency = 32;
const goal = 0.65;
const path = '/api/cache/hello';
const names = ['empty', 'minimum', 'package'] as const;
type Name = (typeof names)[number];

const directories = await buildApps();
const stack = await startStack({ storage: false });
const hosts: Host[] = [];
try {
  await stack.redis.admin('SET', 'hello', Buffer.alloc(1024, 'x'));
  const settings = { ...stack.settings, CACHE_MEMORY_MB: '0' };
  const urls = { empty: '', minimum: '', package: '' };
  for (const name of names) {
    const host = await startHost({ appDirectory: directories[name], settings, timers: false });
    hosts.push(host);
    urls[name] = `${host.url}${path}`;
  }
  const rates = await hostRates(urls, { rounds, requestsPerRound: 4000, concurrency });
  for (const name of names) console.log(`host read: ${name} ${median(rates[name]).toFixed(0)} reads/s`);
  const ratio = (name: Name, other: Name): number =>
    median(rates[name].map((rate, round) => rate / (rates[other][round] ?? Number.NaN)));
  const ofEmpty = ratio('package', 'empty');
  console.log(
    `host read: package / empty = ${ofEmpty.toFixed(2)} (at least ${goal}: ${ofEmpty >= goal ? 'met' : 'NOT met'}), ` +
      `package / hand-written minimum = ${ratio('package', 'minimum').toFixed(2)} ` +
      `(1 KiB, ${concurrency} at a time, medians of ${rounds} rounds)`,
  );
} finally {
  await Promise.all(hosts.map((host) => host.stop()));
  await stack.stop();
}
