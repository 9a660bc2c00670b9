import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonEncodingOf } from '../../src/http/json-encoding.ts';

describe('bytes in JSON', () => {
  it('take what was foretold, come back as they were, and never much more than base64', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 4000 }),
      fc.string({ unit: 'binary', maxLength: 3000 }).map((text) => Buffer.from(text)),
      fc
        .array(fc.constantFrom('"', '\\', '\n', '\0', 'a', 'é', '\u2028', '😀'), { maxLength: 3000 })
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, (some) => {
        const body = Buffer.from(some);
        const { encoding, bytes: length } = jsonEncodingOf(body);
        const json = JSON.stringify(body.toString(encoding));
        expect(Buffer.byteLength(json)).toBe(length + 2);
        expect(Buffer.from(JSON.parse(json) as string, encoding).equals(body)).toBe(true);
        if (body.length > 1024) expect(length).toBeLessThanOrEqual(Math.ceil(body.length / 3) * 4);
      }),
    );
  });
});
