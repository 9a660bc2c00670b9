// How many requests a second several local hosts answer, in turn.

import { Agent, request } from 'node:http';
import { concurrently, timed } from './timing.ts';

export interface HostRatesOptions {
  readonly rounds: number;
  readonly requestsPerRound: number;
  readonly concurrency: number;
  /** Of each request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The rates of each of `urls`, round by round. */
export async function hostRates<N extends string>(
  urls: Readonly<Record<N, string>>,
  { rounds, requestsPerRound, concurrency, headers = {} }: HostRatesOptions,
): Promise<Readonly<Record<N, readonly number[]>>> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const names = Object.keys(urls) as N[];
  const rates = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<N, number[]>;
  try {
    // The first two rounds are not counted: the compiler is at work.
    for (let round = -2; round < rounds; round += 1) {
      // To and fro: who comes second profits from what the first has warmed up, and suffers from what it left behind.
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const tookMs = await timed(() =>
          concurrently(requestsPerRound, concurrency, () => read(urls[name], agent, headers)),
        );
        if (round >= 0) rates[name].push((requestsPerRound / tookMs) * 1000);
      }
    }
    return rates;
  } finally {
    agent.destroy();
  }
}

function read(url: string, agent: Agent, headers: Readonly<Record<string, string>>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const outgoing = request(url, { agent, headers }, (answer) => {
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
