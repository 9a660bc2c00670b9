// What cache.purge is given, and what it tells.

import { prefixFault } from '../cache/key.ts';
import type { PurgeOutcome } from '../cache/purge-call.ts';
import { mostTargets } from '../cache/purge-request.ts';
import { mostPurgeTargets, type PurgeMode } from '../cache/purge-rules.ts';
import { isTag, tagExpectation } from '../origin/tags.ts';
import { AppError, secondsToWait } from '../util/errors.ts';
import type { PurgeTargets } from './cache-api.ts';
import type { PurgeResult } from './cache-results.ts';
import { checkOptions, oneOf, type Rule } from './options.ts';

interface Names {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly prefixes: readonly string[];
  readonly mode: PurgeMode;
}

function listOf(expected: string, fits: (text: string) => boolean): Rule {
  return {
    expected: `an array of ${expected}`,
    holds: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string' && fits(one)),
  };
}

/** @throws AppError `options-invalid`. */
export function purgeTargetsOf(owner: string, targets: PurgeTargets): Names {
  checkOptions(owner, targets, {
    keys: listOf('keys', () => true),
    tags: listOf(`tags: ${tagExpectation}`, isTag),
    prefixes: listOf('prefixes of keys', (text) => prefixFault(text) === undefined),
    mode: oneOf('stale', 'remove'),
  });
  const { keys = [], tags = [], prefixes = [], mode = 'stale' } = targets;
  const count = keys.length + tags.length + prefixes.length;
  if (count >= 1 && count <= mostTargets) return { keys, tags, prefixes, mode };
  const expected = `1 to ${mostTargets} keys, tags and prefixes together`;
  throw new AppError('options-invalid', `${owner}: expected ${expected}; got ${count}`);
}

export function purgeResultOf(outcome: PurgeOutcome): PurgeResult {
  if (outcome.kind === 'unavailable') return outcome;
  if (outcome.kind === 'purged') {
    const { kind, atMs, expected, acknowledged, silent } = outcome;
    return { kind, purgedAt: new Date(atMs), expected, acknowledged, silent };
  }
  const message = `With these more than ${mostPurgeTargets} keys, tags and prefixes would be remembered.`;
  const retryAfterSeconds = secondsToWait(outcome.retryAfterMs);
  const error = new AppError('overloaded', message, { retryAfterSeconds });
  return { kind: 'unavailable', error, applied: 'no' };
}
