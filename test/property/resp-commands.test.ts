import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandSplitter, type Piece } from '../../local/entra-front/resp-commands.ts';

const watched = ['AUTH', 'HELLO'];
const words = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 });
const names = fc.constantFrom('GET', 'auth', 'AUTH', 'Hello', 'SET', 'AUTHX');
const commands = fc.array(fc.tuple(names, words), { minLength: 1, maxLength: 12 });

function encode([name, rest]: readonly [string, readonly Uint8Array[]]): Buffer {
  const parts = [Buffer.from(name), ...rest.map((word) => Buffer.from(word))];
  const strings = parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...strings]);
}

/** Cuts `bytes` at the given places. */
function chunks(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

describe('the RESP command splitter', () => {
  it('passes on every byte, shows exactly the watched commands and counts all, however the stream is cut', () => {
    fc.assert(
      fc.property(commands, fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        // Redis passes over empty commands.
        const stream = Buffer.concat(sent.flatMap((command) => [encode(command), Buffer.from('*0\r\n\r\n')]));
        const splitter = new CommandSplitter(watched);
        const pieces: Piece[] = chunks(stream, cuts).flatMap((chunk) => [...splitter.push(chunk)]);
        expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).equals(stream)).toBe(true);
        expect(pieces.reduce((sum, { completed }) => sum + completed, 0)).toBe(sent.length);
        const seen = pieces.flatMap(({ command }) => (command === undefined ? [] : [command]));
        const expected = sent.filter(([name]) => watched.includes(name.toUpperCase()));
        expect(seen.map((command) => command.map(String))).toEqual(
          expected.map(([name, rest]) => [name, ...rest.map((word) => Buffer.from(word).toString())]),
        );
      }),
    );
  });

  it('passes on what is no RESP at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat(), { maxLength: 5 }), (noise, cuts) => {
        const stream = Buffer.from(noise);
        const splitter = new CommandSplitter(watched);
        const passed = chunks(stream, cuts).flatMap((chunk) => [...splitter.push(chunk)]);
        const bytes = Buffer.concat(passed.map((piece) => piece.bytes));
        // An unfinished command is held back until its name is known.
        expect(stream.subarray(0, bytes.length).equals(bytes)).toBe(true);
      }),
    );
  });
});
