// What lets callers in, for the other exports of this package: they may have been loaded from another build (ES modules
// beside CommonJS), so it is found by a symbol that all of them share.

import type { Access, AccessOptions } from '../http/callers/entra-callers.ts';
import type { Security } from '../http/openapi/document.ts';
import type { Callers } from './callers-api.ts';
import type { AuthLevel, FunctionsApp } from './functions-app.ts';
import type { Rule } from './options.ts';

export const callersParts: unique symbol = Symbol.for('redis-entra-functions.callers-parts') as never;

export interface CallersParts {
  access(options: AccessOptions): Access;
  stop(): void;
}

export const aCallers: Rule = {
  expected: 'what entraCallers() returned',
  holds: (value) => typeof value === 'object' && value !== null && callersParts in value,
};

export interface Guard {
  readonly authLevel: AuthLevel;
  /** The same for the OpenAPI document. */
  readonly security: Security;
  /** Undefined where the host alone decides. */
  readonly access: (options: AccessOptions) => Access | undefined;
}

interface GuardOptions {
  readonly callers?: Callers | undefined;
  readonly authLevel?: AuthLevel | undefined;
}

/** Who may call the routes of an export: the host asks for a key, unless callers come with tokens. These end with the app. */
export function guardOf(app: FunctionsApp, { callers, authLevel }: GuardOptions): Guard {
  if (callers === undefined) {
    const security = authLevel === 'anonymous' ? 'anybody' : 'keys';
    return { authLevel: authLevel ?? 'function', security, access: () => undefined };
  }
  const parts = (callers as unknown as { readonly [callersParts]: CallersParts })[callersParts];
  app.hook.appTerminate(() => parts.stop());
  return {
    authLevel: authLevel ?? 'anonymous',
    security: 'tokens',
    access: (options) => parts.access(options),
  };
}
