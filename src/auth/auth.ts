// Starts what this process's tokens come from: a credential and the keeper of its token.

import type { TokenCredential } from '@azure/identity';
import { createCredential } from './credential.ts';
import type { CredentialOptions } from './credential-options.ts';
import { TokenKeeper, type TokenKeeperOptions } from './token-keeper.ts';
import { createTokenSource } from './token-source.ts';

export interface Auth {
  readonly credential: TokenCredential;
  readonly keeper: TokenKeeper;
}

export type AuthDeps = Omit<TokenKeeperOptions, 'source'>;

export interface AuthOptions {
  readonly credential: CredentialOptions;
  /** What the token is for, like `https://redis.azure.com/.default`. */
  readonly scope: string;
  /** Whether the token has to name an object id: the user name, where no other is given. */
  readonly oidRequired: boolean;
}

/** Asks for the first token. */
export function startAuth({ credential: chosen, scope, oidRequired }: AuthOptions, deps: AuthDeps): Auth {
  const credential = createCredential(chosen);
  const source = createTokenSource({ credential, scope, oidRequired, clock: deps.clock });
  const keeper = new TokenKeeper({ source, ...deps });
  keeper.start();
  return { credential, keeper };
}
