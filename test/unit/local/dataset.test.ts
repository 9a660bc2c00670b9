// The data set that `npm start` fills its container with.

import { expect, it } from 'vitest';
import { makeDataset, onDemand, warmPrefix, type DatasetBlob } from '../../../local/dataset/dataset.ts';

const blobs = makeDataset();

function named(name: string): DatasetBlob {
  return blobs.find((blob) => blob.name === name) ?? expect.unreachable(`There is no blob ${name}.`);
}

function textsOf(extension: string): readonly string[] {
  const texts = blobs.filter(({ name }) => name.endsWith(extension)).map(({ body }) => body.toString());
  expect(texts.length).toBeGreaterThan(50);
  return texts;
}

it('is the same each time, whatever the time zone and the locale of the machine', () => {
  const timeZone = process.env['TZ'];
  process.env['TZ'] = 'Pacific/Kiritimati';
  try {
    expect(makeDataset()).toEqual(blobs);
  } finally {
    if (timeZone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = timeZone;
  }
});

it('has a few hundred blobs of several content types, each name once, nearly all in the warm set', () => {
  expect(blobs.length).toBeGreaterThan(300);
  expect(new Set(blobs.map(({ name }) => name)).size).toBe(blobs.length);
  expect(new Set(blobs.map(({ contentType }) => contentType))).toEqual(
    new Set([
      'application/json',
      'image/svg+xml',
      'text/csv; charset=utf-8',
      'text/html; charset=utf-8',
      'text/plain; charset=utf-8',
    ]),
  );
  expect(blobs.every(({ body }) => body.length > 0 && body.length < 64 * 1024)).toBe(true);
  const outside = blobs.filter(({ name }) => !name.startsWith(warmPrefix)).map(({ name }) => name);
  expect(outside.toSorted()).toEqual(Object.values(onDemand).toSorted());
  expect(named(onDemand.shortLived).cacheControl).toBe('max-age=2');
});

it('holds what CLDR says', () => {
  expect(JSON.parse(named('cldr/regions/de.json').body.toString())).toMatchObject({
    DE: 'Deutschland',
    JP: 'Japan',
  });
  expect(JSON.parse(named('cldr/plurals/ar.json').body.toString())).toMatchObject({
    cardinal: { examples: { '0': 'zero', '2': 'two', '100': 'other' } },
  });
  expect(named('cldr/currencies/en.csv').body.toString()).toContain('JPY,Japanese Yen,0\r\n');
  expect(named('cldr/time-zones/he.html').body.toString()).toContain('<html lang="he" dir="rtl">');
});

it('brings the notice that the licence of CLDR asks for', () => {
  const notice = named('cldr/NOTICE.txt').body.toString();
  expect(notice).toContain('UNICODE LICENSE V3');
  expect(notice).toContain('THE DATA FILES AND SOFTWARE ARE PROVIDED "AS IS"');
  expect(notice).toContain('SPDX-License-Identifier: Unicode-3.0');
});

it('is well formed: JSON, SVG, and CSV with as many fields in each row', () => {
  for (const text of textsOf('.json')) expect(() => JSON.parse(text) as unknown).not.toThrow();
  for (const text of textsOf('.svg')) expectWellFormed(text.replace(/^<\?xml[^?]*\?>\n/u, ''));
  for (const text of textsOf('.csv')) {
    const rows = text.trimEnd().split('\r\n');
    for (const row of rows) {
      expect(row.replaceAll(/"(?:[^"]|"")*"/gu, 'quoted').split(',')).toHaveLength(3);
    }
  }
});

/** Every element is closed in order, and no character data holds what would begin another. */
function expectWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replaceAll(
    /<(?<close>\/?)(?<name>[a-z]+)(?: [a-zA-Z-]+="[^"<&]*")*(?<empty>\/?)>/gu,
    (_tag, close: string, name: string, empty: string) => {
      if (close !== '') expect(open.pop()).toBe(name);
      else if (empty === '') open.push(name);
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest.replaceAll(/&(?:amp|lt|gt|quot);/gu, '')).not.toMatch(/[<>&]/u);
}
