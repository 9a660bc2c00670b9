// An instance checks itself: renews a token that is due, and sees that its connections are authenticated with it.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Redis } from '../redis/redis.ts';
import type { Clock } from '../util/clock.ts';
import { deferred } from '../util/deferred.ts';
import type { Report } from './messages.ts';

export interface SelfCheckOptions {
  readonly keeper: Pick<TokenKeeper, 'renewIfDue' | 'status'>;
  readonly redis: Pick<Redis, 'settled'>;
  readonly clock: Clock;
}

export type SelfCheck = Pick<Report, 'rotated' | 'failure'>;

// Below the 3 s that a roll call waits after the spread: a slow instance is reported as failing, not as silent.
const limitMs = 2000;
const maxFailureLength = 200;

/** What has not ended in time goes on, and is a failure in this report. Never rejects for it. */
export async function checkSelf({ keeper, redis, clock }: SelfCheckOptions): Promise<SelfCheck> {
  const timeUp = deferred<{ readonly kind: 'late' }>();
  const cancel = clock.after(limitMs, () => timeUp.resolve({ kind: 'late' }));
  try {
    const renewal = await Promise.race([keeper.renewIfDue(), timeUp.promise]);
    if (renewal.kind === 'late') {
      const lastFailure = keeper.status().lastFailure ?? '';
      return { rotated: false, failure: shortened(`The renewal has not ended yet. ${lastFailure}`) };
    }
    const settled = redis.settled().then(() => ({ kind: 'settled' }) as const);
    const connections = await Promise.race([settled, timeUp.promise]);
    const rotated = renewal.kind === 'rotated';
    if (renewal.kind === 'failed') return { rotated, failure: shortened(renewal.reason) };
    if (connections.kind === 'settled') return { rotated, failure: null };
    return { rotated, failure: 'A connection is not authenticated with the new token yet.' };
  } finally {
    cancel();
  }
}

function shortened(reason: string): string {
  return reason.slice(0, maxFailureLength).trimEnd();
}
