// The clients of bench/pressure.ts, in a process of their own: 100 small reads a second, and beside them a burst.
// Knows the app only by its URL.

import { Agent, request } from 'node:http';

export interface Burst {
  readonly url: string;
  readonly kind: 'none' | 'small reads' | 'reads' | 'batch';
  /** Of the reads, or of the keys of the batch. */
  readonly count: number;
  readonly runMs: number;
}

export interface Answered {
  readonly status: number;
  readonly tookMs: number;
  readonly bytes: number;
}

export interface BurstReport {
  readonly small: readonly Answered[];
  readonly large: readonly Answered[];
}

const smallPerSecond = 100;
const burstAfterMs = 500;
const agents = { small: new Agent({ keepAlive: true }), large: new Agent({ keepAlive: true }) };

function ask(url: string, agent: Agent, body?: string): Promise<Answered> {
  const startedAtMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<Answered>();
  let bytes = 0;
  const end = (status: number): void => resolve({ status, bytes, tookMs: performance.now() - startedAtMs });
  const headers = body === undefined ? {} : { 'Content-Length': body.length };
  const outgoing = request(url, { agent, headers, method: body === undefined ? 'GET' : 'POST' }, (answer) => {
    answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
    answer.on('end', () => end(answer.statusCode ?? 0));
    answer.on('error', () => end(0));
  });
  outgoing.on('error', () => end(0));
  outgoing.end(body);
  return promise;
}

async function run({ url, kind, count, runMs }: Burst): Promise<BurstReport> {
  const small: Promise<Answered>[] = [];
  const large: Promise<Answered>[] = [];
  let sent = 0;
  const startedAtMs = performance.now();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedAtMs;
    // By the time that has passed: what the machine holds up is caught up with, not left out.
    const due = Math.floor((Math.min(elapsedMs, runMs) / 1000) * smallPerSecond);
    for (; sent < due; sent += 1) small.push(ask(`${url}/api/cache/small`, agents.small));
    if (elapsedMs < runMs) return;
    clearInterval(timer);
    end();
  }, 5);
  setTimeout(() => {
    const keys = Array.from({ length: count }, (_, index) => `large-${index % 100}`);
    if (kind === 'batch') large.push(ask(`${url}/api/batch`, agents.large, JSON.stringify({ keys })));
    if (kind === 'small reads') {
      for (const _ of keys) large.push(ask(`${url}/api/cache/small`, agents.large));
    }
    if (kind === 'reads') for (const key of keys) large.push(ask(`${url}/api/cache/${key}`, agents.large));
  }, burstAfterMs);
  await over;
  return { small: await Promise.all(small), large: await Promise.all(large) };
}

process.on('disconnect', () => process.exit(0));
process.on('message', (burst: Burst) => {
  void run(burst).then((report) => process.send?.(report));
});
