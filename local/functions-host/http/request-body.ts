// The body of a request, by its length or in chunks: read when somebody wants it, else thrown away after the answer.

import type { ByteSource } from './byte-source.ts';

/** The connection ended, or broke the rules, within a body. */
export class BrokenBody extends Error {}

export class RequestBody {
  readonly length: number | 'chunked';
  readonly #source: ByteSource;
  readonly #onFirstRead: () => void;
  #begun = false;

  /** @param onFirstRead where a client waits to be told to go on. */
  constructor(source: ByteSource, length: number | 'chunked', onFirstRead: () => void) {
    this.#source = source;
    this.length = length;
    this.#onFirstRead = onFirstRead;
  }

  /** The whole body; undefined where it is longer than `limitBytes`. */
  async read(limitBytes: number): Promise<Buffer | undefined> {
    if (this.length !== 'chunked' && this.length > limitBytes) return undefined;
    if (this.length === 0) return Buffer.alloc(0);
    this.#onFirstRead();
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of this.#pieces()) {
      bytes += piece.length;
      if (bytes > limitBytes) return undefined;
      pieces.push(piece);
    }
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, bytes);
  }

  /** Throws away what nobody has read; false where that is more than `limitBytes`. */
  async discard(limitBytes: number): Promise<boolean> {
    if (this.#begun || this.length === 0) return true;
    if (this.length !== 'chunked' && this.length > limitBytes) return false;
    let bytes = 0;
    for await (const piece of this.#pieces()) {
      bytes += piece.length;
      if (bytes > limitBytes) return false;
    }
    return true;
  }

  #pieces(): AsyncGenerator<Buffer> {
    this.#begun = true;
    return this.length === 'chunked' ? this.#chunks() : this.#exactly(this.length);
  }

  async *#exactly(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      const piece = await this.#source.read(left);
      if (piece === undefined) throw new BrokenBody('Unexpected end of request content.');
      left -= piece.length;
      yield piece;
    }
  }

  // RFC 9112, 7.1
  async *#chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const size = /^(?<size>[\da-f]{1,8})[ \t]*(?:;.*)?$/iu.exec(await this.#line())?.groups?.['size'];
      if (size === undefined) throw new BrokenBody('Bad chunk size data.');
      const length = Number.parseInt(size, 16);
      if (length === 0) break;
      yield* this.#exactly(length);
      if ((await this.#line()) !== '') throw new BrokenBody('Bad chunk suffix.');
    }
    while ((await this.#line()) !== '');
  }

  async #line(): Promise<string> {
    let text = '';
    for (;;) {
      const piece = await this.#source.read();
      if (piece === undefined) throw new BrokenBody('Unexpected end of request content.');
      const end = piece.indexOf('\n');
      text += piece.toString('latin1', 0, end === -1 ? piece.length : end);
      if (text.length > maxLineBytes) throw new BrokenBody('A chunk extension or trailer is too long.');
      if (end === -1) continue;
      this.#source.unread(piece.subarray(end + 1));
      if (!text.endsWith('\r')) throw new BrokenBody('A line of a chunked body does not end with CR LF.');
      return text.slice(0, -1);
    }
  }
}

const maxLineBytes = 8 * 1024;
