// The origins as sources of loads: one for each origin and the terms of its rule.

import type { ChosenOrigin, Origins } from '../origin/origins.ts';
import type { EntryKey } from './key.ts';
import type { Source } from './source.ts';

export class OriginSources {
  readonly #origins: Pick<Origins, 'choose'>;
  readonly #maxWaitMs: number;
  readonly #sources = new WeakMap<ChosenOrigin, Source>();

  /** @param maxWaitMs how long a load waits for its turn, or for another instance's load. */
  constructor(origins: Pick<Origins, 'choose'>, maxWaitMs: number) {
    this.#origins = origins;
    this.#maxWaitMs = maxWaitMs;
  }

  /** Undefined where no origin is asked for the key. */
  of({ name }: EntryKey): Source | undefined {
    const chosen = this.#origins.choose(name);
    if (chosen === undefined) return undefined;
    let source = this.#sources.get(chosen);
    if (source === undefined) {
      const { origin } = chosen;
      const waits = { maxWaitMs: this.#maxWaitMs, acceptsNone: true };
      source = { ...chosen, ...waits, kind: origin.kind, load: (key, asked) => origin.load(key, asked) };
      this.#sources.set(chosen, source);
    }
    return source;
  }
}
