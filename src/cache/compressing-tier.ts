// A tier that stores text and its like compressed. What comes out of it is what is stored.

import type { Compressor } from './compressor.ts';
import type { Tier } from './tier.ts';

/** @param tier under this one. A renewal leaves the body in the form in which it is stored. */
export function compressingTier(tier: Tier, compressor: Pick<Compressor, 'compressed'>): Tier {
  return {
    read: tier.read.bind(tier),
    readMany: tier.readMany.bind(tier),
    readHeads: tier.readHeads.bind(tier),
    async write(key, entry, ...options) {
      const compressed = compressor.compressed(entry);
      return tier.write(key, compressed instanceof Promise ? await compressed : compressed, ...options);
    },
    touch: tier.touch.bind(tier),
    remove: tier.remove.bind(tier),
  };
}
