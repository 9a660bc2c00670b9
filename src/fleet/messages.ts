// What instances tell each other: announcements, reports and records of roll calls, as JSON in Redis. Everything is
// checked when it is read: whoever may use the cache may have written it.

/** "Check yourselves and report." Times are durations: clocks of instances differ. */
export interface Announcement {
  readonly id: string;
  /** Each instance waits a random part of this first. */
  readonly spreadMs: number;
  /** How many instances are expected to answer; undefined where the caller cannot know. */
  readonly expected?: number | undefined;
}

/** What does not change while an instance runs. */
export interface InstanceIdentity {
  readonly id: string;
  readonly startedAtMs: number;
  readonly version: string;
  readonly region: string | null;
  readonly host: string | null;
}

/** What an instance says of itself. Times are milliseconds since the epoch by its own clock. */
export interface Report extends InstanceIdentity {
  readonly tokenExpiresAtMs: number | null;
  /** When it reported: unlike the expiry, comparable between instances whose clocks differ. */
  readonly tokenLeftMs: number | null;
  readonly lastRotationAtMs: number | null;
  readonly connections: number;
  /** Whether this roll call made it adopt a later token. */
  readonly rotated: boolean;
  /** Why a renewal that was due did not succeed, or a connection has not got the new token. */
  readonly failure: string | null;
  /** AUTH commands on live connections since the last report. */
  readonly reauthenticated: number;
  readonly reauthenticationsFailed: number;
  /** Keys read over HTTP since the last report. */
  readonly reads: number;
}

/** How a roll call ended. Times by the Redis server's clock. */
export interface RollCallRecord {
  readonly id: string;
  readonly atMs: number;
  readonly expected: number;
  readonly answered: number;
  readonly rotated: number;
  readonly failed: number;
  readonly silent: readonly string[];
  readonly shortestTimeLeftMs: number | null;
  readonly nextAtMs: number | null;
}

/** The largest fleet: more instances are not stored, and no announcement may claim more. */
export const maxInstances = 2000;
const maxSpreadMs = 10_000;
const maxMessageLength = 4096;
// It names who was silent: at most the whole registry, 2,000 identifiers of up to 64 characters.
const maxRecordLength = 256 * 1024;

type Check = (value: unknown) => boolean;
type Checks<T> = Readonly<Record<keyof T, Check>>;

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isText: Check = (value) => typeof value === 'string' && value.length <= 256;
const isId: Check = (value) => typeof value === 'string' && /^[\w.-]{1,64}$/u.test(value);
const isFlag: Check = (value) => typeof value === 'boolean';
/** Whether a Date can hold it: at most 100 million days before or after 1970. */
export const isTime: Check = (value) => isNumber(value) && Math.abs(value) <= 8.64e15;
const isWithin = (value: unknown, max: number): boolean => isNumber(value) && value >= 0 && value <= max;
const isCount: Check = (value) => Number.isInteger(value) && isWithin(value, maxInstances);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const reportChecks: Checks<Report> = {
  id: isId,
  startedAtMs: isTime,
  version: isText,
  region: orNull(isText),
  host: orNull(isText),
  tokenExpiresAtMs: orNull(isTime),
  tokenLeftMs: orNull(isNumber),
  lastRotationAtMs: orNull(isTime),
  connections: isNumber,
  rotated: isFlag,
  failure: orNull(isText),
  reauthenticated: isNumber,
  reauthenticationsFailed: isNumber,
  reads: isNumber,
};

const recordChecks: Checks<RollCallRecord> = {
  id: isId,
  atMs: isTime,
  expected: isNumber,
  answered: isNumber,
  rotated: isNumber,
  failed: isNumber,
  silent: (value) => Array.isArray(value) && value.every(isId),
  shortestTimeLeftMs: orNull(isNumber),
  nextAtMs: orNull(isTime),
};

const announcementChecks: Checks<Announcement> = {
  id: isId,
  spreadMs: (value) => isWithin(value, maxSpreadMs),
  // Left out where it cannot be believed; earlier versions do not send it.
  expected: () => true,
};

/** Undefined for anything that is not an announcement. */
export function parseAnnouncement(message: string): Announcement | undefined {
  const announcement = parse(message, maxMessageLength, announcementChecks);
  if (announcement === undefined) return undefined;
  const { id, spreadMs, expected } = announcement;
  return isCount(expected) ? { id, spreadMs, expected } : { id, spreadMs };
}

export function parseReport(message: string): Report | undefined {
  return parse(message, maxMessageLength, reportChecks);
}

export function parseRollCallRecord(text: string): RollCallRecord | undefined {
  return parse(text, maxRecordLength, recordChecks);
}

function parse<T>(text: string, maxLength: number, checks: Checks<T>): T | undefined {
  if (text.length > maxLength) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const fields = value as Readonly<Record<string, unknown>>;
    const isValid = Object.entries<Check>(checks).every(([name, check]) => check(fields[name]));
    return isValid ? (fields as T) : undefined;
  } catch {
    return undefined;
  }
}
