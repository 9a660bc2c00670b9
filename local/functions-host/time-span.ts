// TimeSpans as .NET writes them, which host.json and timer schedules may hold.
// https://learn.microsoft.com/dotnet/api/system.timespan.parse

const pattern =
  /^(?<sign>-)?(?:(?<days>\d+)[.:](?=\d+:\d+:\d))?(?<hours>\d{1,2}):(?<minutes>[0-5]?\d)(?::(?<seconds>[0-5]?\d)(?:\.(?<fraction>\d{1,7}))?)?$|^(?<onlySign>-)?(?<onlyDays>\d+)$/u;

/** In milliseconds; undefined where the text is none. */
export function parseTimeSpan(text: string): number | undefined {
  const found = pattern.exec(text.trim())?.groups;
  if (found === undefined) return undefined;
  const number = (name: string): number => Number(found[name] ?? 0);
  const days = number('days') + number('onlyDays');
  const seconds = days * 86_400 + number('hours') * 3600 + number('minutes') * 60 + number('seconds');
  const isNegative = (found['sign'] ?? found['onlySign']) !== undefined;
  return (isNegative ? -1000 : 1000) * (seconds + Number(`0.${found['fraction'] ?? 0}`));
}
