// Asks a deployed app whether it works: it runs, its identity gets into Redis, and it lets nobody in without a key.
// Used by deploy.yml and by whoever has deployed. Needs no dependency, no key and no sign-in.

export interface SmokeTestOptions {
  /** A cold app, and role assignments that have just been made, take minutes. */
  readonly limitMs?: number;
  readonly pauseMs?: number;
  /** The local Functions host asks for no keys. */
  readonly keysAsked?: boolean;
  readonly log?: (line: string) => void;
}

interface Probe {
  readonly path: string;
  readonly status: number;
  readonly meaning: string;
}

/** @throws Error that names the probe that did not answer as it should in time. */
export async function smokeTest(url: string, options: SmokeTestOptions = {}): Promise<void> {
  const { limitMs = 300_000, pauseMs = 5000, keysAsked = true, log = () => {} } = options;
  const probes: readonly Probe[] = [
    { path: '/api/health/live', status: 200, meaning: 'the app runs' },
    { path: '/api/health/ready', status: 200, meaning: 'its identity gets into Redis' },
    ...(keysAsked ? [{ path: '/api/cache/smoke-test', status: 401, meaning: 'it asks for a key' }] : []),
  ];
  const deadlineMs = Date.now() + limitMs;
  for (const { path, status, meaning } of probes) {
    for (;;) {
      const answer = await statusOf(new URL(path, url), Math.max(deadlineMs - Date.now(), 1000));
      if (answer === status) break;
      if (Date.now() + pauseMs > deadlineMs) {
        throw new Error(
          `${path} answered ${answer} and not ${status}: it cannot be said that ${meaning}. docs/deploy.md says what to check.`,
        );
      }
      log(`${path}: ${answer}; asking again`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    log(`${path}: ${status}, ${meaning}`);
  }
}

async function statusOf(url: URL, limitMs: number): Promise<number | string> {
  try {
    const signal = AbortSignal.timeout(Math.min(limitMs, 30_000));
    const response = await fetch(url, { signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    const { message, cause } = error as Error;
    return `nothing (${cause instanceof Error ? cause.message : message})`;
  }
}

if (import.meta.main) {
  const [url, more] = process.argv.slice(2);
  try {
    if (url === undefined || !URL.canParse(url) || (more !== undefined && more !== '--no-keys')) {
      throw new Error('Usage: node scripts/smoke-test.ts URL [--no-keys]');
    }
    await smokeTest(url, { keysAsked: more === undefined, log: console.log });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
