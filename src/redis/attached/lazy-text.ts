// A text that is made when it is written: for a library that copies its options, and writes them much later.

export class LazyText {
  readonly #make: () => string;

  constructor(make: () => string) {
    this.#make = make;
  }

  toString(): string {
    return this.#make();
  }
}
