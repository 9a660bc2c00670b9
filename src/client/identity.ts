// What a request says of who sends it: an Entra token, a function key, or nothing.

import type { Clock } from '../util/clock.ts';

/** A token as a credential gives it. */
export interface CallerToken {
  /** The token itself. */
  readonly token: string;
  /** When it ends, in milliseconds since the epoch. */
  readonly expiresOnTimestamp: number;
  /** From when on there may be a later one, in milliseconds since the epoch. */
  readonly refreshAfterTimestamp?: number | undefined;
}

/** The part of `@azure/core-auth`'s TokenCredential that is used: any credential fits. */
export interface TokenCredentialLike {
  /** A token for the scope, or null where there is none. It may be one that was returned before. */
  getToken(scopes: string): Promise<CallerToken | null>;
}

/** A field of the request. */
export type IdentityField = readonly [name: string, value: string];

export interface Identity {
  /** Rejects where there is none to be had. */
  field(): Promise<IdentityField | undefined>;
  /** Another one after `refused` was answered with 401; undefined where there is no other. */
  another(refused: IdentityField | undefined): Promise<IdentityField | undefined>;
}

export const nobody: Identity = { field: async () => undefined, another: async () => undefined };

/** @param key asked for at each request where it is a function, so that it can be renewed. */
export function keyIdentity(key: string | (() => string | Promise<string>)): Identity {
  const field = async (): Promise<IdentityField> => [
    'x-functions-key',
    typeof key === 'string' ? key : await key(),
  ];
  return { field, another: async () => undefined };
}

// A token is waited for in its last seconds only, and renewed beside requests in its last minutes, as the SDKs do.
const lastMs = 30_000;
const renewalMs = 120_000;
// A credential that never settles is asked again after this; one that repeats its token, no more often.
const patienceMs = 10_000;

/** Keeps the token while it is valid: not every credential does (AzureCliCredential starts a program for each). */
export function tokenIdentity(credential: TokenCredentialLike, scope: string, clock: Clock): Identity {
  let held: CallerToken | undefined;
  let flight: { readonly token: Promise<CallerToken>; readonly sinceMs: number } | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;

  const ask = async (): Promise<CallerToken> => {
    const nowMs = clock.nowMs();
    if (flight !== undefined && nowMs - flight.sinceMs < patienceMs) return flight.token;
    askedAtMs = nowMs;
    const asking = (async () => {
      const token = await credential.getToken(scope);
      if (token === null) throw new Error('The credential returned no token.');
      held = token;
      return token;
    })();
    const own = { token: asking, sinceMs: nowMs };
    flight = own;
    const landed = (): void => {
      if (flight === own) flight = undefined;
    };
    asking.then(landed, landed);
    return asking;
  };

  const current = async (): Promise<CallerToken> => {
    if (held === undefined) return ask();
    const nowMs = clock.wallMs();
    const { expiresOnTimestamp, refreshAfterTimestamp = Number.POSITIVE_INFINITY } = held;
    if (expiresOnTimestamp - nowMs <= lastMs) return ask();
    const isDue = nowMs >= Math.min(expiresOnTimestamp - renewalMs, refreshAfterTimestamp);
    if (isDue && clock.nowMs() - askedAtMs >= patienceMs) ask().catch(() => {});
    return held;
  };

  const fieldOf = ({ token }: CallerToken): IdentityField => ['authorization', `Bearer ${token}`];
  return {
    field: async () => fieldOf(await current()),
    async another(refused) {
      if (held !== undefined && fieldOf(held)[1] === refused?.[1]) held = undefined;
      const field = fieldOf(await current());
      return field[1] === refused?.[1] ? undefined : field;
    },
  };
}
