// What instances tell each other: announcements and reports, as JSON on Pub/Sub and in the roster.
// Used by member.ts, roll-call.ts and roster.ts. Believes nothing that it has not checked.

/** "Check yourselves and report." Times are durations: clocks of instances differ. */
export interface Announcement {
  readonly id: string;
  /** Each instance waits a random part of this first. */
  readonly spreadMs: number;
}

/** What an instance says of itself. Times are milliseconds since the epoch by its own clock. */
export interface Report {
  readonly id: string;
  readonly startedAtMs: number;
  readonly version: string;
  readonly region: string | null;
  readonly host: string | null;
  readonly tokenExpiresAtMs: number | null;
  /** Of the token, when it reported: comparable between instances whose clocks differ. */
  readonly tokenLeftMs: number | null;
  readonly lastRotationAtMs: number | null;
  readonly connections: number;
  /** Whether this roll call made it adopt a later token. */
  readonly rotated: boolean;
  /** Why a renewal that was due did not succeed. */
  readonly failure: string | null;
  /** AUTH commands on live connections since the last report. */
  readonly reauthenticated: number;
  readonly reauthenticationsFailed: number;
  /** Keys read over HTTP since the last report. */
  readonly reads: number;
}

const maxSpreadMs = 10_000;
const maxMessageLength = 4096;
const idPattern = /^[\w.-]{1,64}$/u;

/** Undefined for anything that is not an announcement: anybody with access may publish anything. */
export function parseAnnouncement(message: string): Announcement | undefined {
  const { id, spreadMs } = parseObject(message);
  if (typeof id !== 'string' || !idPattern.test(id)) return undefined;
  if (typeof spreadMs !== 'number' || !(spreadMs >= 0 && spreadMs <= maxSpreadMs)) return undefined;
  return { id, spreadMs };
}

export function parseReport(message: string): Report | undefined {
  const report = parseObject(message);
  const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= 256;
  const isTextOrNull = (value: unknown): boolean => value === null || isText(value);
  const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
  const isNumberOrNull = (value: unknown): boolean => value === null || isNumber(value);
  const { id } = report;
  const valid =
    typeof id === 'string' &&
    idPattern.test(id) &&
    isText(report['version']) &&
    [report['region'], report['host'], report['failure']].every(isTextOrNull) &&
    [report['tokenExpiresAtMs'], report['tokenLeftMs'], report['lastRotationAtMs']].every(isNumberOrNull) &&
    typeof report['rotated'] === 'boolean' &&
    ['startedAtMs', 'connections', 'reauthenticated', 'reauthenticationsFailed', 'reads'].every((name) =>
      isNumber(report[name]),
    );
  return valid ? (report as unknown as Report) : undefined;
}

function parseObject(message: string): Record<string, unknown> {
  if (message.length > maxMessageLength) return {};
  try {
    const value: unknown = JSON.parse(message);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
