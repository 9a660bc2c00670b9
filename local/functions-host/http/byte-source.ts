// The bytes that arrive on a connection, read piece by piece; a sender that is faster than the reader is held back.

import type { Readable } from 'node:stream';

// KestrelServerLimits.cs, MaxRequestBufferSize
const highWaterBytes = 1024 * 1024;

export class ByteSource {
  readonly #stream: Readable;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      if (this.#bytes > highWaterBytes) stream.pause();
      this.#woken();
    });
    const end = (): void => {
      this.#ended = true;
      this.#woken();
    };
    stream.on('end', end).on('close', end);
  }

  /** Up to `max` bytes as soon as there are some; undefined when no more will come. */
  async read(max = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
    while (this.#pieces.length === 0) {
      if (this.#ended) return undefined;
      this.#stream.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const piece = this.#pieces.shift() ?? Buffer.alloc(0);
    this.#bytes -= piece.length;
    if (piece.length <= max) return piece;
    this.unread(piece.subarray(max));
    return piece.subarray(0, max);
  }

  /** Gives back what was read too much. */
  unread(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.unshift(piece);
    this.#bytes += piece.length;
  }

  #woken(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
