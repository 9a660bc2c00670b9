// Reads the settings of who may call over HTTP.

import {
  areAudiences,
  audiencesExpectation,
  isOneTenant,
  tenantExpectation,
} from '../http/callers/options.ts';
import { prefixesExpectation, prefixesFaults, type CallerPrefixes } from '../http/callers/prefixes.ts';
import type { SettingsReader } from './settings-reader.ts';

export type CallerSettings =
  /** Whoever has a key of the function or of the host. */
  | { readonly kind: 'function-key' }
  | {
      readonly kind: 'entra';
      readonly tenant: string;
      readonly audiences: readonly string[];
      /** The public cloud's where undefined. */
      readonly authorityHost: string | undefined;
      readonly prefixes: CallerPrefixes;
      readonly easyAuth: boolean;
    };

/** @param authorityHost of the setting that is about all of the app. */
export function readCallers(reader: SettingsReader, authorityHost: () => string | undefined): CallerSettings {
  const kind = reader.choice('HTTP_AUTH', ['function-key', 'entra'], 'function-key');
  if (kind === 'function-key') {
    // Nobody would be confined.
    const isIdle = reader.optional('HTTP_ENTRA_PREFIXES') !== undefined;
    if (isIdle) reader.add('HTTP_ENTRA_PREFIXES', 'to be left out unless HTTP_AUTH is entra');
    return { kind };
  }
  const because = 'because HTTP_AUTH is entra';
  const tenant =
    reader.required('HTTP_ENTRA_TENANT_ID', `${tenantExpectation}, ${because}`, isOneTenant) ?? '';
  const audience = reader.required(
    'HTTP_ENTRA_AUDIENCE',
    `${audiencesExpectation}, separated by commas, ${because}`,
    (value) => areAudiences(listIn(value)),
  );
  const easyAuth = reader.choice('HTTP_ENTRA_EASY_AUTH', ['off', 'in-front'], 'off') === 'in-front';
  return {
    kind,
    tenant,
    audiences: listIn(audience ?? ''),
    authorityHost: authorityHost(),
    prefixes: readPrefixes(reader),
    easyAuth,
  };
}

function listIn(value: string): readonly string[] {
  return value.split(',').map((one) => one.trim());
}

// In characters: what an application setting can hold.
const longestPrefixes = 32_768;

function readPrefixes(reader: SettingsReader): CallerPrefixes {
  const name = 'HTTP_ENTRA_PREFIXES';
  const value = reader.optional(name);
  if (value === undefined) return {};
  if (value.length > longestPrefixes) {
    reader.add(name, `at most ${longestPrefixes} characters`);
    return {};
  }
  let given: unknown;
  try {
    given = JSON.parse(value);
  } catch {
    reader.add(name, `JSON: ${prefixesExpectation}`);
    return {};
  }
  const faults = prefixesFaults(given);
  for (const { at, expected } of faults) reader.add(`${name}${at}`, expected);
  return faults.length > 0 ? {} : (given as CallerPrefixes);
}
