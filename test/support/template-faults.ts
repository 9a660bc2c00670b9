// What every variant of the infrastructure is held to, with the app's own reader of settings on the other side.

import type { Prediction } from '../../scripts/infra-changes.ts';
import { readSettings } from '../../src/config/settings.ts';
import type { Faults } from './prediction.ts';
import * as checks from './template-checks.ts';

export function allFaults(prediction: Prediction): Faults {
  return [
    ...checks.passwordFaults(prediction),
    ...checks.tlsFaults(prediction),
    ...checks.flexFaults(prediction),
    ...checks.wiringFaults(prediction),
    ...checks.settingFaults(prediction, settingsTheAppReads(), [
      'REDIS_HOSTNAME',
      'REDIS_PORT',
      'AZURE_CLIENT_ID',
    ]),
  ];
}

/** Whatever the app's own reader of settings asks the environment for, with callers of either kind. */
export function settingsTheAppReads(): ReadonlySet<string> {
  const names = new Set<string>();
  for (const callers of ['function-key', 'entra']) {
    const given: Readonly<Record<string, string>> = {
      REDIS_HOSTNAME: 'cache.example.org',
      HTTP_AUTH: callers,
      HTTP_ENTRA_TENANT_ID: callers === 'entra' ? 'contoso.example' : '',
      HTTP_ENTRA_AUDIENCE: callers === 'entra' ? 'api://cache' : '',
    };
    const asked = (_: object, name: string | symbol): string => {
      names.add(String(name));
      return given[String(name)] ?? '';
    };
    readSettings(new Proxy({}, { get: asked }));
  }
  return names;
}
