import { ErrorReply } from 'redis';
import { describe, expect, it } from 'vitest';
import { nextStep, wrongClusteringPolicy } from '../../../src/redis/redirect.ts';
import { withParsedReply } from '../../../src/redis/reply-error.ts';
import { AppError } from '../../../src/util/errors.ts';

describe('an error reply of a node', () => {
  const step = (message: string) =>
    nextStep(withParsedReply(new ErrorReply(message)) as AppError, 'cache.example');

  it.each([
    ['MOVED 3999 10.0.0.1:8501', { kind: 'moved', slot: 3999, to: { host: '10.0.0.1', port: 8501 } }],
    ['MOVED 3999 :8501', { kind: 'moved', slot: 3999, to: { host: 'cache.example', port: 8501 } }],
    ['ASK 3999 2001:db8::1:8501', { kind: 'ask', at: { host: '2001:db8::1', port: 8501 } }],
    ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'later' }],
    ['CLUSTERDOWN Hash slot not served', { kind: 'later' }],
    ['LOADING Redis is loading the dataset in memory', { kind: 'later' }],
    ['MOVED 3999 nowhere', { kind: 'give-up' }],
    ['WRONGTYPE Operation against a key', { kind: 'give-up' }],
    ['OOM command not allowed', { kind: 'give-up' }],
  ])('%s', (message, expected) => {
    expect(step(message)).toEqual(expected);
  });

  it('is told from what a lost connection or a closed client throws', () => {
    expect(nextStep(new AppError('connection-lost', 'MOVED 1 10.0.0.1:8501'), '')).toEqual({
      kind: 'give-up',
    });
    expect(nextStep(new AppError('stopped', 'closed'), '')).toEqual({ kind: 'elsewhere' });
  });
});

it('a setting that does not fit the cache is named, with what was seen and what to set', () => {
  const cause = new AppError('redis-unavailable', 'MOVED');
  const error = wrongClusteringPolicy('NoCluster', 'the cache is a cluster', 'OSSCluster', cause);
  expect(error).toMatchObject({ code: 'settings-invalid', cause });
  expect(error.message).toBe(
    'REDIS_CLUSTERING_POLICY is NoCluster, but the cache is a cluster. Set it (in code: the option clusteringPolicy) to what the cache was created with: OSSCluster.',
  );
});
