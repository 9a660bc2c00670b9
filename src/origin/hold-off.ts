// Honours Retry-After: one key is not asked for after 429, the whole origin after 503 (RFC 9110, section 10.2.3).

import type { Clock } from '../util/clock.ts';
import { AppError, secondsToWait } from '../util/errors.ts';
import type { Origin, OriginAnswer } from './origin.ts';
import { readRetryAfter } from './retry-after.ts';

// A longer Retry-After is cut to this.
const longestHoldMs = 5 * 60_000;
// Of keys that are held off at once; the oldest is forgotten first.
const maxKeys = 1000;

interface Hold {
  readonly untilMs: number;
  /** The answer meanwhile. */
  readonly answer: () => OriginAnswer;
}

/** The same origin, asked no earlier than its Retry-After allows. */
export function withHoldOff(origin: Origin, clock: Clock): Origin {
  const held = new Map<string, Hold>();
  let originHold: { readonly untilMs: number; readonly failure: AppError } | undefined;

  const holdKey = (key: string, hold: Hold): void => {
    held.delete(key);
    held.set(key, hold);
    const [oldest] = held.keys();
    if (held.size > maxKeys && oldest !== undefined) held.delete(oldest);
  };

  return {
    ...origin,
    async load(key, options) {
      const nowMs = clock.nowMs();
      if (originHold !== undefined && nowMs < originHold.untilMs) {
        const { failure, untilMs } = originHold;
        throw new AppError('origin-failed', failure.message, {
          cause: failure,
          retryAfterSeconds: Math.ceil((untilMs - nowMs) / 1000),
        });
      }
      const hold = held.get(key);
      if (hold !== undefined && nowMs < hold.untilMs) return hold.answer();
      held.delete(key);
      try {
        const answer = await origin.load(key, options);
        if (answer.kind !== 'answered' || answer.status !== 429) return answer;
        const seconds = readRetryAfter(answer.fields['retry-after'], clock.wallMs()) ?? 0;
        const untilMs = clock.nowMs() + Math.min(seconds * 1000, longestHoldMs);
        const left = (): string => `${secondsToWait(untilMs - clock.nowMs())}`;
        const again = (): OriginAnswer => ({
          ...answer,
          fields: { ...answer.fields, 'retry-after': left() },
        });
        if (seconds > 0) holdKey(key, { untilMs, answer: again });
        return answer;
      } catch (error) {
        if (error instanceof AppError && error.code === 'origin-failed') {
          const holdMs = Math.min((error.retryAfterSeconds ?? 0) * 1000, longestHoldMs);
          if (holdMs > 0) originHold = { untilMs: clock.nowMs() + holdMs, failure: error };
        }
        throw error;
      }
    },
  };
}
