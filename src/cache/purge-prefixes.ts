// The purges by prefix, searched by key: the prefixes are sorted, and each knows the longest one that it begins with.

/** The latest place of a purge of each mode; 0 where there is none. */
export interface PurgePlaces {
  readonly stale: number;
  readonly remove: number;
}

interface Node extends PurgePlaces {
  readonly prefix: string;
  /** The longest other prefix that this one begins with. Its places are at most those here. */
  readonly parent: Node | undefined;
}

export class PurgePrefixes {
  readonly #places = new Map<string, PurgePlaces>();
  /** Sorted; undefined until it is asked for after a change. */
  #nodes: readonly Node[] | undefined = [];

  set(prefix: string, places: PurgePlaces | undefined): void {
    if (places === undefined) this.#places.delete(prefix);
    else this.#places.set(prefix, places);
    this.#nodes = undefined;
  }

  /** The latest places of all prefixes of `key`; undefined where it has none. */
  of(key: string): PurgePlaces | undefined {
    const nodes = (this.#nodes ??= nodesOf(this.#places));
    // The last one that is not after the key: every prefix of the key is that one, or a prefix of that one.
    let [from, to] = [0, nodes.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((nodes[middle] as Node).prefix <= key) from = middle + 1;
      else to = middle;
    }
    let node = nodes[from - 1];
    if (node === undefined) return undefined;
    const common = commonLength(node.prefix, key);
    while (node !== undefined && node.prefix.length > common) node = node.parent;
    return node;
  }
}

function nodesOf(places: ReadonlyMap<string, PurgePlaces>): readonly Node[] {
  const around: Node[] = [];
  return [...places.keys()].toSorted(byCodeUnits).map((prefix) => {
    while (around.length > 0 && !prefix.startsWith((around.at(-1) as Node).prefix)) around.pop();
    const parent = around.at(-1);
    const own = places.get(prefix);
    const node = {
      prefix,
      parent,
      stale: Math.max(own?.stale ?? 0, parent?.stale ?? 0),
      remove: Math.max(own?.remove ?? 0, parent?.remove ?? 0),
    };
    around.push(node);
    return node;
  });
}

/** The order of `<`, which `localeCompare` does not have. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function commonLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return length;
}
