// Cuts a server's RESP stream into replies, so that a few can be looked at and changed before they are passed on.
// Used by the fronts of a cluster. Knows no socket and no command; every byte goes out in order.
//
// Held to https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2 and RESP3)

const [lineFeed, minus] = [0x0a, 0x2d];
const crlfBytes = 2;
/** Redis sends no header longer than a 64-bit number. */
const maxHeaderBytes = 24;

/** What a type's header line says. Of types that are not here the line is all there is. */
const bulkTypes = new Set(['$', '=', '!']);
const childrenPerItem = new Map([
  ['*', 1],
  ['~', 1],
  ['>', 1],
  ['%', 2],
  ['|', 2],
]);
const lineTypes = new Set(['+', '-', ':', '_', ',', '#', '(']);

export interface ReplyHandler {
  /** A reply of this type begins (`*`, `$`, `-`, `>` and so on); true if it is wanted whole. */
  begin(type: string): boolean;
  /** It has ended. For one that was wanted, returns what to pass on. */
  end(type: string, reply: Buffer | undefined): Buffer;
}

export class ReplySplitter {
  readonly #handler: ReplyHandler;
  /** `opaque`: not RESP, or not wanted any more; everything is passed on. */
  #state: 'type' | 'line' | 'bulk' | 'opaque' = 'type';
  /** Of the value being read, and of the reply that it is part of. */
  #type = '';
  #replyType = '';
  /** Values of the current reply that have not been read to their ends; 0 between replies. */
  #valuesLeft = 0;
  #bulkBytesLeft = 0;
  #header = '';
  #wanted = false;
  /** The beginning of a wanted reply. */
  #held: Buffer[] = [];

  constructor(handler: ReplyHandler) {
    this.#handler = handler;
  }

  /** From here on everything passes as it is. */
  giveUp(): void {
    this.#state = 'opaque';
    this.#wanted = false;
  }

  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = [];
    // The bytes from `from` on are neither in `out` nor in `#held` yet.
    let from = 0;
    for (let at = 0; at < chunk.length && this.#state !== 'opaque';) {
      if (this.#state === 'type' && this.#valuesLeft === 0) {
        this.#begin(chunk, at);
        if (this.#wanted && at > from) out.push(chunk.subarray(from, at));
        if (this.#wanted) from = at;
      }
      at = this.#read(chunk, at);
      if (this.#state !== 'type' || this.#valuesLeft > 0) continue;
      const reply = this.#wanted ? Buffer.concat([...this.#held, chunk.subarray(from, at)]) : undefined;
      const passed = this.#handler.end(this.#replyType, reply);
      if (reply === undefined) continue;
      out.push(passed);
      this.#held = [];
      this.#wanted = false;
      from = at;
    }
    if (this.#wanted) {
      this.#held.push(chunk.subarray(from));
    } else {
      out.push(...this.#held.splice(0));
      if (from < chunk.length) out.push(chunk.subarray(from));
    }
    return out;
  }

  #begin(chunk: Buffer, at: number): void {
    this.#replyType = String.fromCharCode(chunk[at] ?? 0);
    this.#valuesLeft = 1;
    this.#wanted = this.#handler.begin(this.#replyType);
  }

  /** Reads the next part of a value; returns where it ends. */
  #read(chunk: Buffer, at: number): number {
    if (this.#state === 'type') {
      this.#type = String.fromCharCode(chunk[at] ?? 0);
      this.#header = '';
      this.#state = 'line';
      return at + 1;
    }
    if (this.#state === 'bulk') {
      const end = Math.min(at + this.#bulkBytesLeft, chunk.length);
      this.#bulkBytesLeft -= end - at;
      if (this.#bulkBytesLeft === 0) this.#endValue(0);
      return end;
    }
    const newline = chunk.indexOf(lineFeed, at);
    const end = newline === -1 ? chunk.length : newline + 1;
    if (!lineTypes.has(this.#type)) {
      this.#header += chunk.toString('latin1', at, Math.min(end, at + maxHeaderBytes));
      if (this.#header.length > maxHeaderBytes) this.giveUp();
    }
    if (newline !== -1) this.#endLine();
    return end;
  }

  #endLine(): void {
    if (lineTypes.has(this.#type)) return this.#endValue(0);
    const number = /^-?\d+\r\n$/u.test(this.#header) ? Number.parseInt(this.#header, 10) : Number.NaN;
    const perItem = childrenPerItem.get(this.#type);
    if (Number.isNaN(number) || (perItem === undefined && !bulkTypes.has(this.#type))) return this.giveUp();
    if (perItem !== undefined) return this.#endValue(Math.max(number, 0) * perItem);
    if (number < 0) return this.#endValue(0);
    this.#bulkBytesLeft = number + crlfBytes;
    this.#state = 'bulk';
  }

  #endValue(children: number): void {
    // Attributes come before a value and are none themselves.
    this.#valuesLeft += children - (this.#type === '|' ? 0 : 1);
    this.#state = 'type';
  }
}

/** A value without its children: the header of an aggregate, or all of any other value. */
export interface Token {
  readonly type: string;
  /** Of a bulk string its bytes, of anything else its line, as Latin-1. */
  readonly text: string;
  readonly bytes: Buffer;
}

/** The values of one complete reply in the order in which they are sent. */
export function tokensOf(reply: Buffer): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < reply.length;) {
    const type = String.fromCharCode(reply[at] ?? 0);
    const lineEnd = reply.indexOf(lineFeed, at) + 1;
    const line = reply.toString('latin1', at + 1, lineEnd - crlfBytes);
    const isBulk = bulkTypes.has(type) && reply[at + 1] !== minus;
    const end = isBulk ? lineEnd + Number(line) + crlfBytes : lineEnd;
    const text = isBulk ? reply.toString('latin1', lineEnd, end - crlfBytes) : line;
    tokens.push({ type, text, bytes: reply.subarray(at, end) });
    at = end;
  }
  return tokens;
}
