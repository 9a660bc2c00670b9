// NCRONTAB schedules: which ones the host accepts, and when the next tick is. Own code, because cron libraries differ
// in names, Sundays, steps, and whether the day of the month and the day of the week must both match.

type Values = ReadonlySet<number>;

/** The values of each field at which a timer ticks, in UTC. */
interface Schedule {
  readonly seconds: Values;
  readonly minutes: Values;
  readonly hours: Values;
  readonly days: Values;
  readonly months: Values;
  /** 0 is Sunday; 7 is refused. */
  readonly daysOfWeek: Values;
}

interface Field {
  readonly least: number;
  readonly most: number;
  /** In the order of the values; a prefix of one is enough. */
  readonly names?: readonly string[];
}

const sixty: Field = { least: 0, most: 59 };
const hour: Field = { least: 0, most: 23 };
const day: Field = { least: 1, most: 31 };
const month: Field = {
  least: 1,
  most: 12,
  names: 'january february march april may june july august september october november december'.split(' '),
};
const dayOfWeek: Field = {
  least: 0,
  most: 6,
  names: 'sunday monday tuesday wednesday thursday friday saturday'.split(' '),
};

/** Whether it is a schedule of six fields that the host accepts. */
export function isSchedule(text: string): boolean {
  return parse(text) !== undefined;
}

// As https://github.com/atifaziz/NCrontab/blob/master/NCrontab/CrontabFieldImpl.cs
function parse(text: string): Schedule | undefined {
  const parts = text.split(' ').filter(Boolean);
  if (parts.length !== 6) return undefined;
  const [seconds, minutes, hours, days, months, daysOfWeek] = [sixty, sixty, hour, day, month, dayOfWeek].map(
    (field, index) => valuesOf(parts[index] ?? '', field),
  );
  if (!seconds || !minutes || !hours || !days || !months || !daysOfWeek) return undefined;
  return { seconds, minutes, hours, days, months, daysOfWeek };
}

function valuesOf(list: string, field: Field): Values | undefined {
  const values = new Set<number>();
  for (const element of list.split(',')) {
    const groups = elementPattern.exec(element)?.groups;
    if (groups === undefined) return undefined;
    const { first = '*', last, step = '1' } = groups;
    const from = first === '*' ? field.least : valueOf(first, field);
    const isOpen = first === '*' || groups['step'] !== undefined;
    const to = last === undefined ? (isOpen ? field.most : from) : valueOf(last, field);
    if (from === undefined || to === undefined) return undefined;
    // The host swaps the ends of a reversed range, and takes a step of 0 for 1 (CrontabField.cs, Accumulate).
    for (let at = Math.min(from, to); at <= Math.max(from, to); at += Math.max(Number(step), 1)) {
      values.add(at);
    }
  }
  return values;
}

const elementPattern = /^(?:\*|(?<first>[\da-z]+)(?:-(?<last>[\da-z]+))?)(?:\/(?<step>\d{1,9}))?$/iu;

function valueOf(text: string, { least, most, names = [] }: Field): number | undefined {
  if (/^\d{1,9}$/u.test(text)) {
    const value = Number(text);
    return value >= least && value <= most ? value : undefined;
  }
  const index = names.findIndex((name) => name.startsWith(text.toLowerCase()));
  return index === -1 ? undefined : index + least;
}

// A tick that is later never comes: 29 February falls on each day of the week within 40 years, even across 2100.
const horizonYears = 40;

// A timer may fire up to a second early (TimerListener.cs, InvokeJobFunction).
const earlyMs = 1000;

/**
 * When the tick after the current one is due, in milliseconds since the epoch; null where there is none.
 * The host does not pass it to a function: its `ScheduleStatus.Next` is the current tick, and null for
 * schedules of less than a minute (https://github.com/Azure/azure-functions-dotnet-worker/issues/954 and .../2963).
 */
export function nextTickAtMs(text: string, nowMs: number): number | null {
  return firstTickAfterMs(text, nowMs + earlyMs);
}

/** The first tick later than `atMs`, in milliseconds since the epoch; null where there is none. */
export function firstTickAfterMs(text: string, atMs: number): number | null {
  const schedule = parse(text);
  if (schedule === undefined) return null;
  const at = new Date((Math.floor(atMs / 1000) + 1) * 1000);
  const lastYear = at.getUTCFullYear() + horizonYears;
  while (at.getUTCFullYear() <= lastYear) {
    if (!schedule.months.has(at.getUTCMonth() + 1)) {
      at.setTime(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1));
    } else if (!schedule.days.has(at.getUTCDate()) || !schedule.daysOfWeek.has(at.getUTCDay())) {
      at.setUTCHours(24, 0, 0);
    } else if (!schedule.hours.has(at.getUTCHours())) at.setUTCHours(at.getUTCHours() + 1, 0, 0);
    else if (!schedule.minutes.has(at.getUTCMinutes())) at.setUTCMinutes(at.getUTCMinutes() + 1, 0);
    else if (!schedule.seconds.has(at.getUTCSeconds())) at.setUTCSeconds(at.getUTCSeconds() + 1);
    else return at.getTime();
  }
  return null;
}
