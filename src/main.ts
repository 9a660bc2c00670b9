// The entry point of the Function App: settings -> the first token request -> the rest, loaded beside it.
// The only module that reads process.env.

import { setImmediate, setTimeout } from 'node:timers/promises';
import type { TokenCredential } from '@azure/identity';
import { startAuth } from './auth/auth.ts';
import { createCredential } from './auth/credential.ts';
import { systemClock as clock } from './util/clock.ts';
import { deferred } from './util/deferred.ts';
import { readPlatform } from './config/platform.ts';
import { readSettings } from './config/settings.ts';
import type { EntraCallers, EntraCallersOptions } from './http/callers/entra-callers.ts';
import { onePerProcess } from './util/one-per-process.ts';
import { emit } from './telemetry/events.ts';
import { logEvents } from './telemetry/log.ts';
import type { SdkOptions } from './telemetry/opentelemetry/sdk-options.ts';

/** Put in by the bundler (scripts/package/bundle.ts). */
declare const APP_VERSION: string;

const settings = readSettings(process.env);
const platform = readPlatform(process.env);
const auth = onePerProcess('auth', () => {
  const common = { clock, random: Math.random };
  logEvents(console, common);
  const { credential, entraScope: scope, redis } = settings;
  return startAuth({ credential, scope, oidRequired: redis.username === undefined }, { ...common, emit });
});

// The keys that tokens of callers are verified with are asked for beside it.
const { callers } = settings;
const entraCallers = callers.kind === 'entra' ? await startCallers(callers) : undefined;

// node-redis and @azure/functions take 50 ms to load. The identity endpoint can answer meanwhile, if it was
// asked: the SDK makes the request in the next turn, and a millisecond later it has left.
await setImmediate();
await setTimeout(1);
const { telemetry } = settings;
const named = deferred<string>();
const [{ startApp }, stopTelemetry] = await Promise.all([
  import('./app.ts'),
  telemetry === undefined ? undefined : startTelemetry(telemetry),
]);
named.resolve(startApp(settings, { auth, entraCallers, stopTelemetry }, platform));

/** What is not loaded where it is switched off. */
async function startTelemetry(options: SdkOptions): Promise<() => Promise<void>> {
  const { startSdk } = await import('./telemetry/opentelemetry/sdk.ts');
  return startSdk(options, {
    ...platform,
    serviceVersion: APP_VERSION,
    instanceId: named.promise,
    clock,
    emit,
    credentialOf: identityOf,
  });
}

function identityOf(clientId: string | undefined): TokenCredential {
  if (clientId === undefined) return auth.credential;
  return createCredential({ kind: 'managed-identity', clientId });
}

async function startCallers(options: EntraCallersOptions): Promise<EntraCallers> {
  const { EntraCallers: Callers } = await import('./http/callers/entra-callers.ts');
  return onePerProcess('callers', () => {
    const started = new Callers(options, { clock, emit });
    started.start();
    return started;
  });
}
