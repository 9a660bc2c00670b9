// How long an invocation may take. Used by app.ts.
// Knows no trigger.

/**
 * What an invocation may take: `functionTimeout` of host.json, which the host tells no worker, or the setting
 * that overrides it (https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values).
 */
export function functionTimeoutMs(environment: Readonly<Record<string, string | undefined>>): number {
  const text = environment['AzureFunctionsJobHost__functionTimeout'] ?? '';
  const [, hours, minutes, seconds] = /^(\d{2}):(\d{2}):(\d{2})$/u.exec(text) ?? [text, 0, 5, 0];
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
}
