// Reads and writes HTTP dates (RFC 9110, section 5.6.7) as a cache should read them (RFC 9111, section 4.2).

const weekdays = 'Mon|Tue|Wed|Thu|Fri|Sat|Sun';
const longWeekdays = 'Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday';
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const month = `(?<month>${months.join('|')})`;
const time = String.raw`(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})`;

// The current form, and the two obsolete ones that must be accepted. Case-insensitive for a cache.
const forms = [
  new RegExp(String.raw`^(?:${weekdays}), (?<day>\d{2}) ${month} (?<year>\d{4}) ${time} GMT$`, 'iu'),
  new RegExp(String.raw`^(?:${longWeekdays}), (?<day>\d{2})-${month}-(?<shortYear>\d{2}) ${time} GMT$`, 'iu'),
  new RegExp(String.raw`^(?:${weekdays}) ${month} (?<day>[ \d]\d) ${time} (?<year>\d{4})$`, 'iu'),
] as const;

/**
 * Milliseconds since the epoch; undefined if it is no HTTP date, such as one in a zone other than GMT.
 * @param nowMs decides the century of a two-digit year: none is more than 50 years ahead.
 */
export function parseHttpDate(text: string | undefined, nowMs: number): number | undefined {
  const trimmed = text?.trim() ?? '';
  const groups = forms.map((form) => form.exec(trimmed)?.groups).find((found) => found !== undefined);
  if (groups === undefined) return undefined;
  const { day, hour, minute, second } = groups;
  const monthIndex = months.indexOf(groups['month']?.toLowerCase() ?? '');
  const parts = [Number(day), Number(hour), Number(minute), Number(second)] as const;
  const year = groups['year'];
  if (year !== undefined) return timeOf(Number(year), monthIndex, parts);
  const century = Math.floor(new Date(nowMs).getUTCFullYear() / 100) * 100;
  const years = [century + 100, century, century - 100].map((start) => start + Number(groups['shortYear']));
  const latestMs = new Date(nowMs).setUTCFullYear(new Date(nowMs).getUTCFullYear() + 50);
  return years
    .map((candidate) => timeOf(candidate, monthIndex, parts))
    .find((ms) => ms !== undefined && ms <= latestMs);
}

/** Undefined for a day or time that does not exist, such as February 30. A leap second is the next second's start. */
function timeOf(
  year: number,
  monthIndex: number,
  [day, hour, minute, second]: readonly [number, number, number, number],
): number | undefined {
  if (hour > 23 || minute > 59 || second > 60 || day < 1) return undefined;
  const midnight = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  midnight.setUTCFullYear(year, monthIndex, day);
  if (midnight.getUTCMonth() !== monthIndex) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** The current form: `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}
