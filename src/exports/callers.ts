// entraCallers: whoever calls comes with a token of Microsoft Entra ID instead of a key.

import { authenticated } from '../functions/authenticated.ts';
import type { Identity } from '../http/callers/caller.ts';
import { EntraCallers } from '../http/callers/entra-callers.ts';
import {
  areAudiences,
  audiencesExpectation,
  isAuthorityHost,
  isOneTenant,
  tenantExpectation,
} from '../http/callers/options.ts';
import { prefixesExpectation, prefixesFaults } from '../http/callers/prefixes.ts';
import { emit } from '../telemetry/events.ts';
import { systemClock as clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { Callers, EntraCallersOptions } from './callers-api.ts';
import { callersParts, type CallersParts } from './callers-parts.ts';
import { unlimited } from './handler-deps.ts';
import { checkOptions, text, trueOrFalse, type Rule } from './options.ts';

const owner = 'entraCallers';
// How long a request waits for the keys, while there are none.
const requestBudgetMs = 2000;

/**
 * Callers with tokens of Microsoft Entra ID: applications and users of one tenant, by their app roles. The keys that
 * tokens are verified with are asked for at once, kept while the tenant's authority cannot be reached, and read anew
 * once a day, and for a key that is not among them, at most once a minute.
 *
 * @throws AppError `options-invalid` that names every option that is missing or wrong.
 * @example
 * const callers = entraCallers({ tenantId: 'contoso.com', audience: '11111111-2222-3333-4444-555555555555' });
 * registerCacheRoutes(app, { cache, callers });
 */
export function entraCallers(options: EntraCallersOptions): Callers {
  checkOptions(owner, options, {
    tenantId: { ...aTenant, required: true },
    audience: { ...anAudience, required: true },
    authorityHost: anAuthorityHost,
    prefixes: somePrefixes,
    easyAuth: trueOrFalse,
    ca: text('certificates in PEM', /-----BEGIN CERTIFICATE-----/u),
  });
  const { tenantId, audience, authorityHost, prefixes, easyAuth = false, ca } = options;
  const audiences = typeof audience === 'string' ? [audience] : audience;
  const entra = new EntraCallers(
    { tenant: tenantId, audiences, authorityHost, prefixes, easyAuth, ca },
    { clock, emit },
  );
  entra.start();
  return callersOver(entra);
}

/** The handle of callers that have been started. */
export function callersOver(entra: EntraCallers): Callers {
  const close = (): void => entra.stop();
  const callers: Callers & { readonly [callersParts]: CallersParts } = {
    [callersParts]: entra,
    authenticated(handler, options) {
      if (typeof handler !== 'function') {
        throw new AppError('options-invalid', 'callers.authenticated: expected a function.');
      }
      checkOptions('callers.authenticated', options, { roles: { ...someRoles, required: true } });
      const deps = { clock, requestBudgetMs, budget: unlimited, access: entra.access(options) };
      return authenticated(deps, (request, context, { identity = nobody, prefixes }) =>
        handler(request, context, { ...identity, prefixes }),
      );
    },
    close,
    [Symbol.dispose]: close,
  };
  return callers;
}

// Not reached: whoever is let in has an identity.
const nobody: Identity = { objectId: '', clientId: undefined, roles: [] };

const isText =
  (holds: (value: string) => boolean) =>
  (value: unknown): boolean =>
    typeof value === 'string' && holds(value);
const aTenant: Rule = { expected: tenantExpectation, holds: isText(isOneTenant) };
const anAuthorityHost: Rule = { expected: 'an https:// URL without a path', holds: isText(isAuthorityHost) };
const anAudience: Rule = {
  expected: audiencesExpectation,
  holds: (value) => areAudiences(typeof value === 'string' ? [value] : value),
};
const somePrefixes: Rule = {
  expected: prefixesExpectation,
  holds: (value) => prefixesFaults(value).length === 0,
  faultsOf: prefixesFaults,
};
const someRoles: Rule = {
  expected: 'an array of app roles: letters, digits, "_", "." and "-"',
  holds: (value) => Array.isArray(value) && value.every((role) => /^[\w.-]{1,120}$/u.test(String(role))),
};
