import { runInThisContext } from 'node:vm';
import { expect, it } from 'vitest';
import { privateFieldSource } from '../../../scripts/package/private-fields.ts';

/** What the compiled code of @azure/functions asks of it. */
interface PrivateField {
  has(object: object): boolean;
  get(object: object): unknown;
  set(object: object, value: unknown): void;
}

const make = runInThisContext(
  `(() => {${privateFieldSource} return privateField; })()`,
) as () => PrivateField;

it('is a field of an object that nobody else sees', () => {
  const [one, other] = [make(), make()];
  const object = {};
  expect(one.has(object)).toBe(false);
  one.set(object, undefined);
  expect([one.has(object), one.get(object), other.has(object)]).toEqual([true, undefined, false]);
  one.set(object, 'first');
  other.set(object, 'second');
  expect([one.get(object), other.get(object)]).toEqual(['first', 'second']);
  expect(Reflect.ownKeys(object)).toEqual([]);
  expect(one.has({})).toBe(false);
  // Of a function the compiled code thinks that it is the class of a static field.
  expect(typeof one).toBe('object');
});
