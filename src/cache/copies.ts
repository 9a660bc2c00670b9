// Copies of what is read from Redis, as those see it who read: where a read begins, and what it has brought.

import type { RedisClient } from '../redis/redis.ts';
import type { Entry } from './entry.ts';
import type { ReadResult } from './tier.ts';

export interface Copies {
  /** A read of `key` is about to be sent; undefined where what it brings is not to be kept. */
  begin(key: string, client: RedisClient): Reading | undefined;
  /** A read that was not to be kept has brought a value. */
  seen(key: string): void;
}

/** From before its first command is sent. */
export interface Reading {
  /**
   * It has brought a whole value.
   * @param leftMs for how long Redis keeps it, asked after `begin`; -1 for ever, undefined where that is not known.
   */
  keep(entry: Entry, leftMs: Promise<number | undefined>): void;
  /** It has brought none, or is begun anew. */
  end(): void;
}

/** One read of a key, on however many connections. */
export class Copying {
  readonly #copies: Copies;
  readonly #key: string;
  #reading: Reading | undefined;
  #leftMs: Promise<number | undefined> = unknown;

  constructor(copies: Copies, key: string) {
    this.#copies = copies;
    this.#key = key;
  }

  /** What issues the commands of `read`, and one more in the same round trip where the value is to be kept. */
  around<T>(read: (client: RedisClient) => T): (client: RedisClient) => T {
    return (client) => {
      this.#reading?.end();
      this.#reading = this.#copies.begin(this.#key, client);
      const begun = read(client);
      // Last: ASKING is for the first command alone. Without an answer the value is not kept.
      if (this.#reading !== undefined)
        this.#leftMs = client.sendCommand<number>(['PTTL', this.#key]).catch(() => undefined);
      return begun;
    };
  }

  end(result: ReadResult | undefined): void {
    const reading = this.#reading;
    this.#reading = undefined;
    if (result?.kind !== 'hit') reading?.end();
    else if (reading === undefined) this.#copies.seen(this.#key);
    else reading.keep(result.entry, this.#leftMs);
  }
}

const unknown = Promise.resolve(undefined);
