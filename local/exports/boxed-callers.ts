// The tenant of a box as the callers of an app meet it: whose tokens count, tokens with the roles that a test asks for,
// and keys that cannot be read.

import { checkOptions, text, trueOrFalse, wholeNumber, type Rule } from '../../src/exports/options.ts';
import { cacheClientId, cacheIdUri } from '../cache-registration.ts';
import type { AnyStack } from '../stack.ts';

/** What a token says of its caller. */
export interface BoxedCallerOptions {
  /** App roles: those of the cache, such as `Cache.Read`, or your own. None where undefined. */
  readonly roles?: readonly string[] | undefined;
  /** Whether a user signed in; an application calls by itself where undefined. */
  readonly user?: boolean | undefined;
  /** The claim `oid`: always the same application, or the same user, where undefined. */
  readonly objectId?: string | undefined;
  /** Milliseconds from 1000 to a day, whole seconds of them count; as `tokenLifetimeMs` of the box where undefined. */
  readonly lifetimeMs?: number | undefined;
}

/** How the tenant answers those who read the keys that tokens are verified with: not at all, where it hangs. */
export type TenantBehaviour = 'normal' | 'fail' | 'hang';

/** Callers that come with tokens of the box's tenant. */
export interface BoxedCallers {
  /** What lets them in: `entraCallers({ ...box.callers.options })`. */
  readonly options: {
    readonly tenantId: string;
    readonly audience: readonly string[];
    readonly authorityHost: string;
    readonly ca: string;
  };
  /** What to add to `box.settings` for the app as it is deployed: `HTTP_AUTH=entra`, and whose tokens count. */
  readonly settings: Readonly<Record<string, string>>;
  /** For `createCacheClient`: `box.client.credential` has tokens with all roles of the cache for it. */
  readonly scope: string;
  /**
   * A token that is right, for `Authorization: Bearer <token>`.
   * @throws AppError `options-invalid` that names every option that is wrong or unknown.
   * @example
   * const token = await box.callers.token({ roles: ['Cache.Read'] });
   */
  token(options?: BoxedCallerOptions): Promise<string>;
  /** From now on, until told otherwise; tokens are made all the same. */
  setBehaviour(behaviour: TenantBehaviour): void;
}

export function boxedCallers({ authority, callers, callerSettings, certificates }: AnyStack): BoxedCallers {
  return {
    options: {
      tenantId: authority.tenantId,
      audience: [cacheIdUri, cacheClientId],
      authorityHost: authority.url,
      ca: certificates.caPem,
    },
    settings: callerSettings,
    scope: `${cacheIdUri}/.default`,
    async token(options = {}) {
      checkOptions('box.callers.token', options, {
        roles: someRoles,
        user: trueOrFalse,
        objectId: text('a string that is not empty', /./u),
        lifetimeMs: wholeNumber(1000, 86_400_000),
      });
      const { roles = [], user = false, objectId, lifetimeMs } = options;
      return callers.token({
        roles,
        kind: user ? 'user' : 'application',
        ...(objectId === undefined ? {} : { claims: { oid: objectId } }),
        ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
      });
    },
    setBehaviour: (behaviour) => authority.setDocumentsBehaviour(behaviour),
  };
}

const someRoles: Rule = {
  expected: 'an array of strings',
  holds: (value) => Array.isArray(value) && value.every((role) => typeof role === 'string'),
};
