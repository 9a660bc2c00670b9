// How many bytes the parts of one answer may take together.

export class AnswerLimit {
  #leftBytes: number;

  constructor(mostBytes: number) {
    this.#leftBytes = mostBytes;
  }

  get leftBytes(): number {
    return this.#leftBytes;
  }

  /** Whether `bytes` more fit; then they are counted. */
  admits(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }
}
