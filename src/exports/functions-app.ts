// The caller's own `app` of @azure/functions, and closing a client when that app ends.

import type { app, HttpTriggerOptions } from '@azure/functions';
import { AppError } from '../util/errors.ts';
import { isSchedule } from '../util/schedule.ts';
import { oneOf, text, type Rule } from './options.ts';
import type { RedisParts } from './redis-parts.ts';

/** `app` of `@azure/functions`, as `import { app } from '@azure/functions'` gives it. */
export type FunctionsApp = Pick<typeof app, 'http' | 'timer'> & {
  readonly hook: Pick<typeof app.hook, 'appTerminate'>;
};

/** Who may call a route: `anonymous`, or whoever has a key of the function or of the host. */
export type AuthLevel = NonNullable<HttpTriggerOptions['authLevel']>;

export const anAuthLevel: Rule = oneOf('anonymous', 'function', 'admin');

/** Below the route prefix of host.json, without a slash at either end. */
export const aRoute: Rule = text(
  'a route without a slash at either end, like "cache"',
  /^[\w.-]+(?:\/[\w.-]+)*$/u,
);

/** After the names of functions, so that an app may have them twice. */
export const aSuffix: Rule = text('1 to 32 letters, digits, "-" or "_"', /^[\w-]{1,32}$/u);

export const aSchedule: Rule = {
  expected: 'an NCRONTAB expression of six fields, like "0 */5 * * * *"',
  holds: (value) => typeof value === 'string' && isSchedule(value),
};

/** @throws AppError `options-invalid`. */
export function checkApp(owner: string, given: FunctionsApp): void {
  const { http, timer, hook } = (given ?? {}) as Partial<FunctionsApp>;
  if ([http, timer, hook?.appTerminate].every((part) => typeof part === 'function')) return;
  throw new AppError('options-invalid', `${owner}: expected \`app\` of @azure/functions.`);
}

/** When the app ends, the client closes, with all that depends on it. However often it is called, that is done once. */
export function closeAtEnd(given: FunctionsApp, { dependents, close }: RedisParts): void {
  dependents.once('end of the app', () => {
    given.hook.appTerminate(close);
    return { stop() {} };
  });
}
