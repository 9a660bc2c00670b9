// What Node.js knows of one locale: names, rules and formats of Unicode CLDR, through Intl. Used by dataset.ts.
// Depends on neither the machine's locale nor its time zone nor the time of day.

export interface Month {
  /** Like "March 2026". */
  readonly title: string;
  /** From the locale's first day of the week on. */
  readonly weekdays: readonly string[];
  /** Cells before the first day of the month. */
  readonly offset: number;
  readonly days: readonly string[];
}

/** In Node.js, and not in the library of ES2024 (https://tc39.es/proposal-intl-locale-info/). */
interface LocaleInfo {
  getTextInfo?(): { readonly direction?: string };
  getWeekInfo?(): { readonly firstDay: number };
}

export interface Currency {
  readonly code: string;
  /** Digits after the decimal point. */
  readonly digits: number;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('');

// A format for each of them in each locale is the slowest part of all: ten are enough.
const zones = [
  'Africa/Lagos',
  'America/Los_Angeles',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Dubai',
  'Asia/Shanghai',
  'Asia/Tokyo',
  'Australia/Sydney',
  'Europe/Berlin',
  'Europe/London',
];

// A fixed moment, so that the same Node.js always makes the same bytes: 5 March 2026, 13:07:09 UTC, a Thursday.
const year = 2026;
const month = 2;
const moment = new Date(Date.UTC(year, month, 5, 13, 7, 9));

/** Two-letter codes of the regions in use: an alias or a code without a name is left out. */
export function regionCodes(): readonly string[] {
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  return alphabet
    .flatMap((first) => alphabet.map((second) => first + second))
    .filter((code) => new Intl.Locale(`und-${code}`).region === code && names.of(code) !== undefined);
}

export function currencies(): readonly Currency[] {
  return Intl.supportedValuesOf('currency').map((code) => {
    const { maximumFractionDigits: digits = 2 } = new Intl.NumberFormat('en', {
      style: 'currency',
      currency: code,
    }).resolvedOptions();
    return { code, digits };
  });
}

/** What each code is called in a locale. */
export function namesOf(
  locale: string,
  type: 'region' | 'currency',
  codes: readonly string[],
): readonly string[] {
  const names = new Intl.DisplayNames(locale, { type });
  return codes.map((code) => names.of(code) ?? code);
}

export function languageName(locale: string, inLocale: string = locale): string {
  return new Intl.DisplayNames(inLocale, { type: 'language' }).of(locale) ?? locale;
}

export function direction(locale: string): string {
  return (new Intl.Locale(locale) as LocaleInfo).getTextInfo?.().direction ?? 'ltr';
}

export function pluralRules(locale: string): Readonly<Record<string, unknown>> {
  const samples = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 20, 21, 22, 25, 100, 101, 1000, 1_000_000, 0.5, 1.5,
  ];
  const rules = (type: 'cardinal' | 'ordinal'): Readonly<Record<string, unknown>> => {
    const plural = new Intl.PluralRules(locale, { type });
    const { pluralCategories } = plural.resolvedOptions();
    return {
      categories: pluralCategories.toSorted(),
      examples: Object.fromEntries(samples.map((number) => [`${number}`, plural.select(number)])),
    };
  };
  return { locale, cardinal: rules('cardinal'), ordinal: rules('ordinal') };
}

export function zoneNames(locale: string): readonly { readonly zone: string; readonly name: string }[] {
  return zones.map((timeZone) => {
    const parts = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'longGeneric' }).formatToParts(
      moment,
    );
    return { zone: timeZone, name: parts.find(({ type }) => type === 'timeZoneName')?.value ?? timeZone };
  });
}

/** One line for each way to write the moment, a number or a list. */
export function formats(locale: string): readonly (readonly [string, string])[] {
  const date = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }).format(moment);
  const number = (options: Intl.NumberFormatOptions, value: number): string =>
    new Intl.NumberFormat(locale, options).format(value);
  const names = ['CLDR', 'ICU', 'Intl'];
  return [
    ['date, full', date({ dateStyle: 'full' })],
    ['date, short', date({ dateStyle: 'short' })],
    ['time, medium', date({ timeStyle: 'medium' })],
    ['number', number({}, 1_234_567.891)],
    ['percent', number({ style: 'percent', maximumFractionDigits: 1 }, 0.256)],
    ['compact', number({ notation: 'compact' }, 1_234_567)],
    ['unit', number({ style: 'unit', unit: 'kilometer-per-hour', unitDisplay: 'long' }, 88)],
    ['euro', number({ style: 'currency', currency: 'EUR' }, 1234.5)],
    ['relative', new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-1, 'day')],
    ['list', new Intl.ListFormat(locale).format(names)],
  ];
}

export function monthOf(locale: string): Month {
  const inUtc = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(locale, { ...options, calendar: 'gregory', timeZone: 'UTC' });
  const firstWeekday = (new Intl.Locale(locale) as LocaleInfo).getWeekInfo?.().firstDay ?? 1;
  const weekdayName = inUtc({ weekday: 'short' });
  const number = new Intl.NumberFormat(locale);
  const dayCount = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const startsOn = new Date(Date.UTC(year, month, 1)).getUTCDay();
  return {
    title: inUtc({ month: 'long', year: 'numeric' }).format(moment),
    // 4 January 1970 was a Sunday.
    weekdays: Array.from({ length: 7 }, (_, index) =>
      weekdayName.format(new Date(Date.UTC(1970, 0, 4 + ((firstWeekday + index) % 7)))),
    ),
    offset: (startsOn - firstWeekday + 7) % 7,
    days: Array.from({ length: dayCount }, (_, index) => number.format(index + 1)),
  };
}
