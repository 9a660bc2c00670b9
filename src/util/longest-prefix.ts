// The longest of some prefixes that a text begins with.

export interface Prefixed {
  readonly prefix: string;
}

/** Finds the item with the longest prefix of a text; undefined where it begins with none of them. */
export function longestPrefix<T extends Prefixed>(items: readonly T[]): (text: string) => T | undefined {
  const longestFirst = items.toSorted((one, other) => other.prefix.length - one.prefix.length);
  return (text) => longestFirst.find(({ prefix }) => text.startsWith(prefix));
}
