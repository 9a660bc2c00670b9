// Reads how long an invocation may take.

/**
 * The host does not pass `functionTimeout` of host.json to its workers, but the setting that overrides it
 * (https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values).
 */
export function functionTimeoutMs(environment: Readonly<Record<string, string | undefined>>): number {
  const timeoutMs = readTimeSpan(environment['AzureFunctionsJobHost__functionTimeout'] ?? '');
  // "-1" means no limit; then the default one is used.
  return timeoutMs === undefined || timeoutMs <= 0 ? defaultTimeoutMs : timeoutMs;
}

const defaultTimeoutMs = 5 * 60_000;

// What .NET reads: https://learn.microsoft.com/dotnet/api/system.timespan.parse
const timeSpan =
  /^(?<sign>-?)(?:(?<days>\d{1,8})|(?:(?<daysBefore>\d{1,8})[.:])?(?<hours>\d{1,2}):(?<minutes>\d{1,2})(?::(?<seconds>\d{1,2})(?:\.(?<fraction>\d{1,7}))?)?)$/u;

/** Milliseconds; undefined for what is no TimeSpan. */
function readTimeSpan(text: string): number | undefined {
  const groups = timeSpan.exec(text.trim())?.groups;
  if (groups === undefined) return undefined;
  const number = (name: string): number => Number(groups[name] ?? 0);
  // "1:02:03" has no days: three numbers are hours, minutes and seconds.
  const threeNumbers =
    groups['daysBefore'] !== undefined && groups['seconds'] === undefined && !text.includes('.');
  const [days, hours, minutes, seconds] = threeNumbers
    ? [0, number('daysBefore'), number('hours'), number('minutes')]
    : [number('days') + number('daysBefore'), number('hours'), number('minutes'), number('seconds')];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const ms =
    (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 +
    Number(`0.${groups['fraction'] ?? 0}`) * 1000;
  return groups['sign'] === '-' ? -ms : ms;
}
