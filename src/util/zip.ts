// Pairs the items of two lists of equal length.

/** @throws TypeError where one is shorter: a missing result is a bug, and must not look like anything else. */
export function zip<A, B>(first: readonly A[], second: readonly B[]): readonly (readonly [A, B])[] {
  if (first.length !== second.length) {
    throw new TypeError(`Expected ${first.length} results and got ${second.length}.`);
  }
  return first.map((item, index) => [item, second[index] as B]);
}
