// A small real data set for a blob container: what Unicode CLDR says of some fifty locales, in several content types.
// Used by `npm start` and its test. Made by Node.js itself: the same Node.js makes the same bytes anywhere.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { csv, html, svg } from './documents.ts';
import {
  currencies,
  direction,
  formats,
  languageName,
  monthOf,
  namesOf,
  pluralRules,
  regionCodes,
  zoneNames,
  type Currency,
} from './locale-data.ts';

export interface DatasetBlob {
  readonly name: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly cacheControl?: string;
}

/** What `npm start` keeps warm. */
export const warmPrefix = 'cldr/';

/** Blobs outside that prefix: the first read of each is a miss. */
export const onDemand = { languages: 'on-demand/languages.json', shortLived: 'on-demand/short-lived.txt' };

const types = {
  csv: 'text/csv; charset=utf-8',
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
} as const;

const locales = (
  'af am ar az bg bn bs ca cs cy da de el en es et eu fa fi fr ga he hi hr hu hy id is it ja ka ko lt lv ' +
  'mk ms nb nl pl pt ro ru sk sl sr sv th tr uk vi zh'
).split(' ');

/** The licence of CLDR wants its notice with every copy of the data. */
const notice =
  (): string => `The blobs under ${warmPrefix} and ${onDemand.languages} hold data of the Unicode CLDR, as the ICU in Node.js has it.

${readFileSync(join(import.meta.dirname, 'unicode-license.txt'), 'utf8')}`;

/** Every blob, those of the warm prefix first. */
export function makeDataset(): readonly DatasetBlob[] {
  const codes = { regions: regionCodes(), currencies: currencies() };
  return [
    blob(`${warmPrefix}NOTICE.txt`, notice()),
    blob(`${warmPrefix}index.html`, listOfLocales()),
    ...locales.flatMap((locale) => blobsOf(locale, codes)),
    blob(
      onDemand.languages,
      json(Object.fromEntries(locales.map((locale) => [locale, languageName(locale)]))),
    ),
    {
      ...blob(onDemand.shortLived, 'Fresh for two seconds, then served stale while it is renewed.\n'),
      cacheControl: 'max-age=2',
    },
  ];
}

interface Codes {
  readonly regions: readonly string[];
  readonly currencies: readonly Currency[];
}

function blobsOf(locale: string, codes: Codes): readonly DatasetBlob[] {
  const dir = direction(locale);
  const language = languageName(locale);
  const regionNames = namesOf(locale, 'region', codes.regions);
  const regions = codes.regions.map((code, index) => [code, regionNames[index]]);
  const currencyCodes = codes.currencies.map(({ code }) => code);
  const currencyNames = namesOf(locale, 'currency', currencyCodes);
  const currencyRows = codes.currencies.map(({ code, digits }, index) => [
    code,
    currencyNames[index] ?? code,
    digits,
  ]);
  const zoneRows = zoneNames(locale).map(({ zone, name }) => [zone, name]);
  const formatLines = formats(locale).map(([kind, text]) => `${kind}: ${text}\n`);
  return [
    blob(`${warmPrefix}regions/${locale}.json`, json(Object.fromEntries(regions))),
    blob(`${warmPrefix}plurals/${locale}.json`, json(pluralRules(locale))),
    blob(`${warmPrefix}currencies/${locale}.csv`, csv([['code', 'name', 'digits'], ...currencyRows])),
    blob(
      `${warmPrefix}time-zones/${locale}.html`,
      html({ locale, direction: dir, title: language, rows: zoneRows }),
    ),
    blob(`${warmPrefix}formats/${locale}.txt`, `${language}\n\n${formatLines.join('')}`),
    blob(`${warmPrefix}calendars/${locale}.svg`, svg(monthOf(locale), dir)),
  ];
}

function listOfLocales(): string {
  const rows = locales.map((locale) => [locale, languageName(locale), languageName(locale, 'en')]);
  return html({ locale: 'en', direction: 'ltr', title: 'Locales', rows });
}

function blob(name: string, text: string): DatasetBlob {
  const extension = name.slice(name.lastIndexOf('.') + 1) as keyof typeof types;
  return { name, contentType: types[extension], body: Buffer.from(text) };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}
