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
const idPattern = /^[\w.-]{1,64}$/u;

/** Undefined for anything that is not an announcement. */
export function parseAnnouncement(message: string): Announcement | undefined {
  const { id, spreadMs, expected } = parseObject(message, maxMessageLength);
  if (!isId(id)) return undefined;
  if (!isNumber(spreadMs) || !(spreadMs >= 0 && spreadMs <= maxSpreadMs)) return undefined;
  // Earlier versions do not send it.
  const isCount =
    isNumber(expected) && Number.isInteger(expected) && expected >= 0 && expected <= maxInstances;
  return isCount ? { id, spreadMs, expected } : { id, spreadMs };
}

export function parseReport(message: string): Report | undefined {
  const report = parseObject(message, maxMessageLength);
  const valid =
    isId(report['id']) &&
    isText(report['version']) &&
    [report['region'], report['host'], report['failure']].every((value) => value === null || isText(value)) &&
    isTime(report['startedAtMs']) &&
    [report['tokenExpiresAtMs'], report['lastRotationAtMs']].every(isTimeOrNull) &&
    isNumberOrNull(report['tokenLeftMs']) &&
    typeof report['rotated'] === 'boolean' &&
    areNumbers(report, ['connections', 'reauthenticated', 'reauthenticationsFailed', 'reads']);
  return valid ? (report as unknown as Report) : undefined;
}

export function parseRollCallRecord(text: string): RollCallRecord | undefined {
  const record = parseObject(text, maxRecordLength);
  const silent: unknown = record['silent'];
  const valid =
    isId(record['id']) &&
    isTime(record['atMs']) &&
    areNumbers(record, ['expected', 'answered', 'rotated', 'failed']) &&
    Array.isArray(silent) &&
    silent.every(isId) &&
    isNumberOrNull(record['shortestTimeLeftMs']) &&
    isTimeOrNull(record['nextAtMs']);
  return valid ? (record as unknown as RollCallRecord) : undefined;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && idPattern.test(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 256;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function areNumbers(fields: Record<string, unknown>, names: readonly string[]): boolean {
  return names.every((name) => isNumber(fields[name]));
}

function isNumberOrNull(value: unknown): boolean {
  return value === null || isNumber(value);
}

/** Whether a Date can hold it: at most 100 million days before or after 1970. */
export function isTime(value: unknown): boolean {
  return isNumber(value) && Math.abs(value) <= 8.64e15;
}

function isTimeOrNull(value: unknown): boolean {
  return value === null || isTime(value);
}

function parseObject(message: string, maxLength: number): Record<string, unknown> {
  if (message.length > maxLength) return {};
  try {
    const value: unknown = JSON.parse(message);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
