import { describe, expect, it } from 'vitest';
import {
  areTags,
  distinctTags,
  taggedByAll,
  tagsNotStorable,
  tagsOfFields,
} from '../../../src/origin/tags.ts';

const many = (count: number, characters = 2): string[] =>
  Array.from({ length: count }, (_, index) => `${index}`.padStart(characters, 'x'));

describe('the tags of an entry', () => {
  it('are each one once, in their order, and their case counts', () => {
    expect(distinctTags(['b', 'a', 'b', 'A'])).toEqual(['b', 'a', 'A']);
    expect(distinctTags([])).toEqual([]);
  });

  it.each([
    ['printable ASCII', ['!"#+-./:;<=>?@[]^_`{|}~'], true],
    ['of 128 characters', ['x'.repeat(128)], true],
    ['of 129', ['x'.repeat(129)], false],
    ['of none', [''], false],
    ['with a space', ['a b'], false],
    ['with a comma', ['a,b'], false],
    ['with a line break', ['a\n'], false],
    ['beyond ASCII', ['ü'], false],
    ['64', many(64), true],
    ['64, some of them twice', [...many(64), ...many(64)], true],
    ['65', many(65), false],
    // With 31 and 32 commas.
    ['4,096 characters together', [...many(31, 128), 'y'.repeat(97)], true],
    ['4,097', [...many(31, 128), 'y'.repeat(98)], false],
  ])('may be, or may not: %s', (_what, tags, may) => {
    expect([distinctTags(tags) !== undefined, areTags(tags)]).toEqual([may, may]);
  });
});

it.each([undefined, null, 'a', { length: 1 }, [1], [undefined], [['a']]])('%j are no tags', (value) => {
  expect(areTags(value)).toBe(false);
});

describe('header fields', () => {
  it.each([
    [{}, undefined],
    [{ 'cache-tag': '' }, []],
    [{ 'cache-tag': ' a,b ,, c' }, ['a', 'b', 'c']],
    [{ 'surrogate-key': ' a  b\tc' }, ['a', 'b', 'c']],
    // Two fields, as Node.js joins them.
    [{ 'surrogate-key': 'a b, c' }, ['a', 'b', 'c']],
    [{ 'cache-tag': 'a, b', 'surrogate-key': 'b c' }, ['a', 'b', 'c']],
    [{ 'cache-tag': 'a b' }, 'invalid'],
    [{ 'cache-tag': 'ü', 'surrogate-key': 'a' }, 'invalid'],
    [{ 'surrogate-key': many(65).join(' ') }, 'invalid'],
  ])('%j name %j', (fields, tags) => {
    expect(tagsOfFields(fields)).toEqual(tags);
  });
});

describe('answers on the way to one', () => {
  it('have their tags together', () => {
    const said = (tags: string[]) => ({ tags, restrictions: [] });
    expect(taggedByAll([said(['a']), { restrictions: [] }, said(['b', 'a'])])).toEqual(said(['a', 'b']));
    expect(taggedByAll([{ restrictions: [] }])).toEqual({ restrictions: [] });
  });

  it('cannot be stored where one of them cannot, or all together', () => {
    const refused = { restrictions: [tagsNotStorable] };
    expect(taggedByAll([{ tags: ['a'], restrictions: [] }, refused])).toMatchObject(refused);
    const [some, others] = [many(40), many(40, 3)].map((tags) => ({ tags, restrictions: [] }));
    expect(taggedByAll([some, others].flatMap((one) => one ?? []))).toEqual(refused);
  });
});
