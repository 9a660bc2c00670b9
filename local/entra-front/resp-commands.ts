// Cuts a client's RESP stream so that a few commands can be looked at before they are passed on.
// Used by the front's connections. Knows no socket; every byte that goes in comes out, in order.
//
// Held to https://redis.io/docs/latest/develop/reference/protocol-spec/#sending-commands-to-a-redis-server

/** Bytes to pass on; with `command` if they are exactly one watched command (its name comes first). */
export interface Piece {
  readonly bytes: Buffer;
  readonly command?: readonly Buffer[];
  /** How many commands end in these bytes: so many replies will come. */
  readonly completed: number;
}

const [lineFeed, carriageReturn, asterisk, dollar, digitZero, digitNine] = [
  0x0a, 0x0d, 0x2a, 0x24, 0x30, 0x39,
];
const crlfBytes = 2;
/** Redis's own limit of a line (PROTO_INLINE_MAX_SIZE in its server.h). */
const maxLineBytes = 64 * 1024;
/** A larger command is passed on unseen; no token is that large. */
const maxHeldBytes = 1024 * 1024;
const maxDigits = 10;

type State =
  /** At the first byte of a command. */
  | 'start'
  /** In a line: an array's or a string's header, or an inline command. */
  | 'array-header'
  | 'string-header'
  | 'inline'
  /** In a string's bytes and the CRLF after them. */
  | 'string'
  /** Not RESP: everything is passed on, and Redis answers with its own protocol error. */
  | 'opaque';

export class CommandSplitter {
  readonly #watched: ReadonlySet<string>;
  readonly #watchedLengths: ReadonlySet<number>;
  #state: State = 'start';
  /** A current command is held back until its name is known, and to its end if that is watched. */
  #verdict: 'unknown' | 'watched' | 'passed' = 'unknown';
  #held: Buffer[] = [];
  #heldBytes = 0;
  #lineParts: Buffer[] = [];
  #lineBytes = 0;
  #stringsLeft = 0;
  #stringBytesLeft = 0;
  #stringParts: Buffer[] = [];
  #words: Buffer[] = [];

  /** `watched`: names in upper case. */
  constructor(watched: Iterable<string>) {
    this.#watched = new Set(watched);
    this.#watchedLengths = new Set([...this.#watched].map((name) => name.length));
  }

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let at = 0;
    // The bytes from `from` on are in no piece yet. The current command began at `commandAt`, or in an
    // earlier chunk (then `commandAt` is 0).
    let from = 0;
    let commandAt = 0;
    let completed = 0;
    while (at < chunk.length && this.#state !== 'opaque') {
      if (this.#state === 'start') {
        commandAt = at;
        this.#begin(chunk[at] === asterisk);
      }
      const complete: boolean =
        this.#state === 'string' ? this.#readString(chunk, at) : this.#readLine(chunk, at);
      at = this.#readTo;
      if (this.#heldBytes + at - commandAt > maxHeldBytes) this.#verdict = 'passed';
      if (this.#verdict === 'passed') this.#releaseHeld(pieces);
      if (!complete) continue;
      if (this.#verdict === 'watched') {
        if (commandAt > from) pieces.push({ bytes: chunk.subarray(from, commandAt), completed });
        const bytes = Buffer.concat([...this.#held, chunk.subarray(commandAt, at)]);
        pieces.push({ bytes, command: this.#words, completed: 1 });
        from = at;
        completed = 0;
      } else if (!this.#empty) {
        completed += 1;
      }
      this.#end();
    }
    const holding = this.#state !== 'start' && this.#verdict !== 'passed';
    const passTo = holding ? commandAt : chunk.length;
    if (passTo > from) pieces.push({ bytes: chunk.subarray(from, passTo), completed });
    if (holding && commandAt < chunk.length) {
      this.#held.push(chunk.subarray(commandAt));
      this.#heldBytes += chunk.length - commandAt;
    }
    return pieces;
  }

  /** Where the last read ended. */
  #readTo = 0;
  /** Of the command that has just ended: Redis passes over an empty one and does not answer. */
  #empty = false;

  #begin(isArray: boolean): void {
    this.#state = isArray ? 'array-header' : 'inline';
    this.#verdict = 'unknown';
    this.#words = [];
    this.#empty = false;
  }

  #end(): void {
    this.#state = 'start';
    this.#held = [];
    this.#heldBytes = 0;
  }

  #releaseHeld(pieces: Piece[]): void {
    for (const bytes of this.#held) pieces.push({ bytes, completed: 0 });
    this.#held = [];
    this.#heldBytes = 0;
  }

  #giveUp(): false {
    this.#state = 'opaque';
    this.#verdict = 'passed';
    return false;
  }

  /** Reads on in a line; true if a command ends with it. */
  #readLine(chunk: Buffer, at: number): boolean {
    const end = chunk.indexOf(lineFeed, at);
    this.#readTo = end === -1 ? chunk.length : end + 1;
    const part = chunk.subarray(at, this.#readTo);
    this.#lineBytes += part.length;
    if (this.#lineBytes > maxLineBytes) return this.#giveUp();
    if (end === -1) {
      this.#lineParts.push(part);
      return false;
    }
    const line = this.#lineParts.length === 0 ? part : Buffer.concat([...this.#lineParts, part]);
    this.#lineParts = [];
    this.#lineBytes = 0;
    if (this.#state === 'inline') return this.#onInline(line);
    return this.#state === 'array-header' ? this.#onArrayHeader(line) : this.#onStringHeader(line);
  }

  #onInline(line: Buffer): true {
    const words = line
      .toString('latin1')
      .split(/\s+/u)
      .filter((word) => word !== '');
    this.#words = words.map((word) => Buffer.from(word, 'latin1'));
    this.#empty = words.length === 0;
    this.#decide(words[0] ?? '');
    return true;
  }

  #onArrayHeader(line: Buffer): boolean {
    const count = headerNumber(line, asterisk);
    if (count === undefined) return this.#giveUp();
    this.#stringsLeft = count;
    this.#state = 'string-header';
    this.#empty = count === 0;
    if (this.#empty) this.#verdict = 'passed';
    return this.#empty;
  }

  #onStringHeader(line: Buffer): false {
    const length = headerNumber(line, dollar);
    if (length === undefined) return this.#giveUp();
    this.#stringBytesLeft = length + crlfBytes;
    this.#state = 'string';
    if (this.#verdict === 'unknown' && !this.#watchedLengths.has(length)) this.#verdict = 'passed';
    return false;
  }

  /** Reads on in a string; true if a command ends with it. */
  #readString(chunk: Buffer, at: number): boolean {
    this.#readTo = Math.min(at + this.#stringBytesLeft, chunk.length);
    this.#stringBytesLeft -= this.#readTo - at;
    if (this.#verdict !== 'passed') this.#stringParts.push(chunk.subarray(at, this.#readTo));
    if (this.#stringBytesLeft > 0) return false;
    if (this.#verdict !== 'passed') {
      const word = Buffer.concat(this.#stringParts).subarray(0, -crlfBytes);
      this.#words.push(word);
      if (this.#verdict === 'unknown') this.#decide(word.toString('latin1'));
    }
    this.#stringParts = [];
    this.#stringsLeft -= 1;
    this.#state = 'string-header';
    return this.#stringsLeft === 0;
  }

  #decide(name: string): void {
    this.#verdict = this.#watched.has(name.toUpperCase()) ? 'watched' : 'passed';
  }
}

/** The number in a header line such as `$12\r\n`; undefined if Redis would not read it so. */
function headerNumber(line: Buffer, marker: number): number | undefined {
  const digits = line.length - 1 - crlfBytes;
  if (line[0] !== marker || line[line.length - 2] !== carriageReturn) return undefined;
  if (digits < 1 || digits > maxDigits) return undefined;
  let number = 0;
  for (let at = 1; at <= digits; at++) {
    const digit = line[at] ?? 0;
    if (digit < digitZero || digit > digitNine) return undefined;
    number = number * 10 + (digit - digitZero);
  }
  return number;
}
