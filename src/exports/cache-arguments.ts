// The key of a cached call, from its arguments: equal ones have the same, different ones have not.

import { createHash } from 'node:crypto';
import { AppError } from '../util/errors.ts';

/** Longer ones are hashed, and such as could not stand in every key. */
const longestReadable = 120;
// Braces are a matter of Redis Cluster: see lock-keys.ts.
const isReadable = /^[^{}\p{Cc}]*$/u;

/**
 * The arguments as JSON, where that is short, or else its hash. The order of the properties of an object does not
 * matter, nor do those that are undefined, nor do undefined arguments at the end. Dates and bigints have a form, too.
 * @param owner the function, for the message.
 * @throws AppError `options-invalid` for what has no stable form, such as a Map, a class's instance or a function.
 */
export function keyOfArguments(owner: string, values: readonly unknown[]): string {
  const given = values.slice(0, values.findLastIndex((value) => value !== undefined) + 1);
  const text = given.map((value, index) => formOf(value, `argument ${index + 1}`, owner, [])).join(',');
  if (text.length <= longestReadable && isReadable.test(text)) return text;
  return `#${createHash('sha256').update(text).digest('base64url')}`;
}

/** @param around what the value is in, to find a cycle. */
function formOf(value: unknown, path: string, owner: string, around: readonly object[]): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw unstable(owner, path, `a ${typeof value}`);
  }
  if (typeof value !== 'object' || value === null) return String(value);
  if (around.includes(value)) throw unstable(owner, path, 'part of itself');
  const within = [...around, value];
  if (Array.isArray(value)) {
    // Not `map`, which leaves out what was never set.
    const items = Array.from(value as unknown[], (item, index) =>
      formOf(item, `${path}[${index}]`, owner, within),
    );
    return `[${items.join(',')}]`;
  }
  if (value instanceof Date) return `Date(${value.getTime()})`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw unstable(owner, path, `an instance of ${nameOf(value)}`);
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${formOf(member, `${path}.${name}`, owner, within)}`);
  return `{${members.join(',')}}`;
}

function unstable(owner: string, path: string, what: string): AppError {
  const message = `${owner}: ${path} is ${what}, which has no stable form for a key; give a \`key\` function.`;
  return new AppError('options-invalid', message);
}

function nameOf(value: object): string {
  const { constructor } = value as { readonly constructor?: unknown };
  return typeof constructor === 'function' ? constructor.name : 'no class';
}
