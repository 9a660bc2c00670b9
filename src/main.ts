// The entry point of the Function App: settings -> the first token request -> the rest, loaded beside it.
// The only module that reads process.env.

import { setImmediate, setTimeout } from 'node:timers/promises';
import { startAuth } from './auth/auth.ts';
import { systemClock as clock } from './util/clock.ts';
import { readPlatform } from './config/platform.ts';
import { readSettings } from './config/settings.ts';
import { onePerProcess } from './util/one-per-process.ts';
import { emit } from './telemetry/events.ts';
import { logEvents } from './telemetry/log.ts';

const settings = readSettings(process.env);
const platform = readPlatform(process.env);
const auth = onePerProcess('auth', () => {
  const common = { clock, random: Math.random };
  logEvents(console, common);
  const { credential, entraScope: scope, redis } = settings;
  return startAuth({ credential, scope, oidRequired: redis.username === undefined }, { ...common, emit });
});

// node-redis and @azure/functions take 50 ms to load. The identity endpoint can answer meanwhile, if it was
// asked: the SDK makes the request in the next turn, and a millisecond later it has left.
await setImmediate();
await setTimeout(1);
const { startApp } = await import('./app.ts');
startApp(settings, auth, platform);
