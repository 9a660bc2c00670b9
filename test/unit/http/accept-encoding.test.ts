import { describe, expect, it } from 'vitest';
import { acceptsCodings } from '../../../src/http/accept-encoding.ts';

describe('a client accepts a coding', () => {
  it.each([
    [null, ['gzip'], false],
    ['', ['gzip'], false],
    ['gzip', ['gzip'], true],
    ['GZIP;q=0.5', ['gzip'], true],
    ['x-gzip', ['gzip'], true],
    ['gzip;q=0', ['gzip'], false],
    ['*', ['br'], true],
    ['*;q=0, br', ['br'], true],
    ['*, br;q=0', ['br'], false],
    ['gzip', ['gzip', 'br'], false],
    ['gzip, br', ['gzip', 'br'], true],
    ['gzip;q=2', ['gzip'], false],
    ['gzip;level=9', ['gzip'], false],
    [null, [], true],
  ])('Accept-Encoding %j, %j: %s', (field, codings, accepts) => {
    expect(acceptsCodings(field, codings)).toBe(accepts);
  });
});
