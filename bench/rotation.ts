// Tokens of 6 seconds in trouble, 200 reads a second, three clients side by side, each with a stack and a
// process of its own: this project's, @redis/entraid as its README shows it, the published sample's pattern.

import { fork } from 'node:child_process';
import { join } from 'node:path';
import { startStack, type Stack } from '../local/stack.ts';
import type { TokenServiceBehaviourName } from '../local/token-desk.ts';
import type { ReadOutcome } from '../test/support/steady-reads.ts';

const tokenLifetimeMs = 6000;
const runMs = 20_000;
const clients = {
  ours: { name: 'this project', refreshLeftMs: 3000 },
  entraid: { name: '@redis/entraid 6.1', refreshLeftMs: 1200 },
  // It never renews; the trouble comes when ours does.
  sample: { name: "the sample's pattern", refreshLeftMs: 3000 },
} as const;
type ClientName = keyof typeof clients;

interface Result {
  readonly reads: number;
  readonly failed: number;
  readonly slowestMs: number;
  readonly auths: number;
  readonly endpointCalls: number;
  readonly ended: string;
}

/** Each starts its trouble and returns how to end it. */
const scenarios: Record<string, (stack: Stack, refreshLeftMs: number) => () => void> = {
  steady: () => () => {},
  'outage: 500 until 0.5 s before expiry': (stack) => misbehave(stack, 'fail', 4500, 500),
  'repeat: the same token until 0.5 s before expiry': (stack) => misbehave(stack, 'repeat', 4500, 500),
  "hang: for 2 s, from 0.5 s before the client's own refresh point": (stack, refreshLeftMs) =>
    misbehave(stack, 'hang', refreshLeftMs + 500, refreshLeftMs - 1500),
  'cut: all connections, 10 times': (stack) => {
    let cuts = 0;
    const timer = setInterval(() => {
      stack.front.cutAll();
      if ((cuts += 1) === 10) clearInterval(timer);
    }, 1000);
    return () => clearInterval(timer);
  },
};

function misbehave(
  stack: Stack,
  behaviour: TokenServiceBehaviourName,
  fromMs: number,
  toMs: number,
): () => void {
  let bad = false;
  const timer = setInterval(() => {
    const expiries = stack.front.connections.flatMap(({ auths }) =>
      auths.map((auth) => auth.tokenExpiresAtMs ?? 0),
    );
    const leftMs = Math.max(...expiries) - Date.now();
    const shouldBeBad = leftMs <= fromMs && leftMs > toMs;
    if (shouldBeBad !== bad) stack.identity.setBehaviour(shouldBeBad ? behaviour : 'normal');
    bad = shouldBeBad;
  }, 10);
  return () => clearInterval(timer);
}

async function run(client: ClientName, trouble: (stack: Stack) => () => void): Promise<Result> {
  const stack = await startStack({ tokenLifetimeMs, storage: false });
  try {
    await stack.redis.admin('SET', 'key', 'value');
    const environment = { PATH: process.env['PATH'] ?? '', ...stack.settings };
    const worker = fork(join(import.meta.dirname, 'rotation/worker.ts'), [client, `${runMs}`], {
      env: environment,
    });
    const { promise, resolve } = Promise.withResolvers<{ outcomes: readonly ReadOutcome[]; ended: string }>();
    let endTrouble = (): void => {};
    worker.on(
      'message',
      (message: { kind: 'ready' } | { kind: 'done'; outcomes: readonly ReadOutcome[] }) => {
        if (message.kind === 'ready') endTrouble = trouble(stack);
        else resolve({ outcomes: message.outcomes, ended: '' });
      },
    );
    worker.on('exit', (code) => resolve({ outcomes: [], ended: `process died (${code})` }));
    const limit = setTimeout(() => worker.kill('SIGKILL'), runMs + 20_000);
    const { outcomes, ended } = await promise;
    clearTimeout(limit);
    endTrouble();
    const { auths, authsRejected } = stack.front.stats;
    const handshakes = stack.front.connections.length;
    return {
      reads: outcomes.length,
      failed: outcomes.filter(({ status }) => status !== 200).length,
      slowestMs: Math.max(0, ...outcomes.map(({ tookMs }) => tookMs)),
      auths: auths + authsRejected - handshakes,
      endpointCalls: stack.identity.calls.length,
      ended,
    };
  } finally {
    await stack.stop();
  }
}

console.log('| scenario | client | reads | failed | slowest read | AUTHs | endpoint calls |');
console.log('|---|---|---|---|---|---|---|');
for (const [scenario, trouble] of Object.entries(scenarios)) {
  const names = Object.keys(clients) as ClientName[];
  const results = await Promise.all(
    names.map(async (client) => run(client, (stack) => trouble(stack, clients[client].refreshLeftMs))),
  );
  for (const [index, client] of names.entries()) {
    const result = results[index];
    if (result === undefined) continue;
    const { reads, failed, slowestMs, auths, endpointCalls, ended } = result;
    const cells = [
      scenario,
      clients[client].name,
      reads,
      `${failed}${ended}`,
      `${slowestMs} ms`,
      auths,
      endpointCalls,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
