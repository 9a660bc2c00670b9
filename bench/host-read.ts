// What a read costs through the host: this app's package, a hand-written `redis` GET and an empty function, in turn on one
// local stack.

import { Agent, request } from 'node:http';
import { startHost, type Host } from '../local/functions-host/host.ts';
import { startStack } from '../local/stack.ts';
import { buildApps } from './cold-start/apps.ts';
import { median } from './support/median.ts';
import { concurrently, timed } from './support/timing.ts';

const rounds = 7;
const readsPerRound = 4000;
const concurrency = 32;
const goal = 0.65;
const path = '/api/cache/hello';
const names = ['empty', 'minimum', 'package'] as const;
type Name = (typeof names)[number];

const directories = await buildApps();
const stack = await startStack({ storage: false });
const hosts = new Map<Name, Host>();
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
try {
  await stack.redis.admin('SET', 'hello', Buffer.alloc(1024, 'x'));
  const { settings } = stack;
  for (const name of names) {
    hosts.set(name, await startHost({ appDirectory: directories[name], settings, timers: false }));
  }
  const rates: Record<Name, number[]> = { empty: [], minimum: [], package: [] };
  // The first two rounds are not counted: the compiler is at work.
  for (let round = -2; round < rounds; round += 1) {
    for (const name of names) {
      const url = `${hosts.get(name)?.url ?? ''}${path}`;
      const tookMs = await timed(() => concurrently(readsPerRound, concurrency, () => read(url)));
      if (round >= 0) rates[name].push((readsPerRound / tookMs) * 1000);
    }
  }
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
  agent.destroy();
  await Promise.all([...hosts.values()].map((host) => host.stop()));
  await stack.stop();
}

function read(url: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const outgoing = request(url, { agent }, (answer) => {
    answer.resume();
    answer.on('error', reject);
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`${url} answered ${answer.statusCode}.`));
    });
  });
  outgoing.on('error', reject);
  outgoing.end();
  return promise;
}
