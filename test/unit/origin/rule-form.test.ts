import { describe, expect, it } from 'vitest';
import { readOriginRules } from '../../../src/origin/rule-form.ts';

const read = (value: unknown) => readOriginRules(value, ['link'], { maxTtlSeconds: 1000 });
const placesOf = (value: unknown): readonly string[] => read(value).faults.map(({ at }) => at);
const container = 'https://account.blob.core.windows.net/container';

describe('rules', () => {
  it('may have an origin of either kind, lifetimes and tags, or nothing but a prefix', () => {
    const given = [
      { prefix: 'a/', origin: 'http://localhost:7071/{+key}?v=1', ttlSeconds: 1, staleSeconds: 0 },
      { prefix: 'b/', origin: container, tags: ['b', 'c', 'b'] },
      { prefix: '' },
    ];
    expect(read(given)).toEqual({
      rules: [
        {
          prefix: 'a/',
          origin: { kind: 'http', urlTemplate: 'http://localhost:7071/{+key}?v=1', keepHeaders: ['link'] },
          ttlSeconds: 1,
          staleSeconds: 0,
        },
        {
          prefix: 'b/',
          origin: { kind: 'blob', containerUrl: container, keepHeaders: ['link'] },
          tags: ['b', 'c'],
        },
        { prefix: '' },
      ],
      faults: [],
    });
  });

  it.each([
    ['no array', {}],
    ['nothing', null],
    ['more than 100', Array.from({ length: 101 }, (_, index) => ({ prefix: `${index}` }))],
  ])('are not %s', (_what, value) => {
    expect(read(value)).toMatchObject({ rules: [], faults: [{ at: '' }] });
    expect(read(value).faults[0]?.expected).toContain('an array of at most 100 rules');
  });

  it.each([
    ['without a prefix', [{}], '[0].prefix'],
    ['with a slash before it', [{ prefix: '/a' }], '[0].prefix'],
    ['with a * after it', [{ prefix: 'a*' }], '[0].prefix'],
    ['with a control character', [{ prefix: 'a\u0000' }], '[0].prefix'],
    ['that is too long', [{ prefix: 'ü'.repeat(513) }], '[0].prefix'],
    ['that is no text', [{ prefix: 1 }], '[0].prefix'],
    ['twice', [{ prefix: 'a' }, { prefix: 'b' }, { prefix: 'a' }], '[2].prefix'],
    ['with a SAS', [{ prefix: '', origin: `${container}?sig=c2VjcmV0` }], '[0].origin'],
    ['with an URL without a key', [{ prefix: '', origin: 'http://a.example/b' }], '[0].origin'],
    ['with an origin that is an object', [{ prefix: '', origin: { urlTemplate: 'x' } }], '[0].origin'],
    ['with a lifetime of 0', [{ prefix: '', ttlSeconds: 0 }], '[0].ttlSeconds'],
    ['with a lifetime as text', [{ prefix: '', ttlSeconds: '60' }], '[0].ttlSeconds'],
    ['with one that is too long', [{ prefix: '', ttlSeconds: 1001 }], '[0].ttlSeconds'],
    ['with a negative stale time', [{ prefix: '', staleSeconds: -1 }], '[0].staleSeconds'],
    ['with a tag that is none', [{ prefix: '', tags: ['a b'] }], '[0].tags'],
    ['with tags as text', [{ prefix: '', tags: 'a' }], '[0].tags'],
    ['with null', [{ prefix: '', ttlSeconds: null }], '[0].ttlSeconds'],
    ['with another member', [{ prefix: '', ttl: 5 }], '[0]'],
    ['that is an array', [[]], '[0]'],
    ['that is null', [null], '[0]'],
  ])('are refused %s', (_what, value, place) => {
    expect(placesOf(value)).toEqual([place]);
    expect(read(value).rules).toEqual([]);
  });

  it('name all faults at once, each with its place and what was expected, and no URL', () => {
    const { faults } = read([
      { prefix: 'a', origin: 'https://user:c2VjcmV0@a.example/{key}', ttl: 1 },
      { prefix: 'a', tags: [''] },
      'b',
    ]);
    expect(faults.map(({ at }) => at)).toEqual(['[0].origin', '[0]', '[1].tags', '[2]', '[1].prefix']);
    expect(faults[1]?.expected).toBe('no "ttl"; a rule has prefix, origin, ttlSeconds, staleSeconds, tags');
    expect(faults[4]?.expected).toBe('another prefix than [0] has');
    expect(JSON.stringify(faults)).not.toContain('c2VjcmV0');
  });
});
