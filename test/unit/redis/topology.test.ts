import { describe, expect, it } from 'vitest';
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

it('an address may carry the bus port, as CLUSTER NODES gives it', () => {
  expect(parseAddress('10.0.0.1:8501@18501', '')).toEqual({ host: '10.0.0.1', port: 8501 });
});
