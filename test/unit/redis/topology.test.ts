import { ErrorReply } from 'redis';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/util/errors.ts';
import { fromErrorReply } from '../../../src/redis/failures.ts';
import { nextStep } from '../../../src/redis/redirect.ts';
import { parseAddress, parseSlotTable, primariesOf } from '../../../src/redis/topology.ts';

const range = (first: number, last: number, host: unknown, port: unknown, ...replicas: unknown[]) => [
  first,
  last,
  [host, port, 'id-of-it', []],
  ...replicas,
];

describe('the reply of CLUSTER SLOTS', () => {
  it('gives the primary of each slot, and each primary once', () => {
    const replica = ['10.0.0.9', 8509, 'id', []];
    const table = parseSlotTable(
      [range(0, 1, '10.0.0.1', 8501, replica), range(2, 2, '10.0.0.2', 8502), range(4, 4, '10.0.0.1', 8501)],
      'cache.example',
    );
    expect(table?.slice(0, 6).map((address) => address?.port)).toEqual([
      8501,
      8501,
      8502,
      undefined,
      8501,
      undefined,
    ]);
    expect([...primariesOf(table ?? []).keys()]).toEqual(['10.0.0.1:8501', '10.0.0.2:8502']);
  });

  it('means the host that was asked where it gives none, and no node where it does not know one', () => {
    const table = parseSlotTable(
      [range(0, 0, '', 1), range(1, 1, null, 2), range(2, 2, '?', 3)],
      'cache.example',
    );
    expect(table?.slice(0, 3)).toEqual([
      { host: 'cache.example', port: 1 },
      { host: 'cache.example', port: 2 },
      undefined,
    ]);
  });

  it.each([
    ['no list', 'OK'],
    ['no range', []],
    ['a range without a node', [[0, 1]]],
    ['a slot that does not exist', [range(0, 16_384, 'h', 1)]],
    ['no node that is known', [range(0, 1, '?', 1)]],
    ['a port that is none', [range(0, 1, 'h', 70_000)]],
  ])('is not taken for a cluster: %s', (_what, reply) => {
    expect(parseSlotTable(reply, 'cache.example')).toBeUndefined();
  });
});

describe('an error reply of a node', () => {
  const step = (message: string) =>
    nextStep(fromErrorReply(new ErrorReply(message)) as AppError, 'cache.example');

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

it('an address may carry the bus port, as CLUSTER NODES gives it', () => {
  expect(parseAddress('10.0.0.1:8501@18501', '')).toEqual({ host: '10.0.0.1', port: 8501 });
});
