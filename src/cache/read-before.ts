// Remembers roughly which keys were read lately, in bounded memory: what is read once is not worth a place.

// 256 KiB. Where two keys share a slot the later one is remembered, so that old ones are forgotten by themselves.
const slotCount = 2 ** 16;

export class ReadBefore {
  readonly #hashes = new Uint32Array(slotCount);

  /** Wrong for one in 65,536 others. */
  has(key: string): boolean {
    const hash = hashOf(key);
    return this.#hashes[hash % slotCount] === hash;
  }

  add(key: string): void {
    const hash = hashOf(key);
    this.#hashes[hash % slotCount] = hash;
  }
}

/** FNV-1a over its characters, and not 0, which stands for none. */
function hashOf(key: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01_00_01_93);
  // Its lowest bits alone depend on the lowest bits of the characters.
  return (hash ^ (hash >>> 15)) >>> 0 || 1;
}
