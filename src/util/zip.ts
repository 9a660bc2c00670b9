// Two lists that belong together, item by item.

/** @throws TypeError where one is shorter: a result that is missing is a bug, and must not pass for anything else. */
export function zip<A, B>(first: readonly A[], second: readonly B[]): readonly (readonly [A, B])[] {
  if (first.length !== second.length) {
    throw new TypeError(`Expected ${first.length} results and got ${second.length}.`);
  }
  return first.map((item, index) => [item, second[index] as B]);
}
