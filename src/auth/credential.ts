// Options -> TokenCredential of @azure/identity. Nothing is probed: the named credential is the one that is asked.

import { ManagedIdentityCredential, type TokenCredential } from '@azure/identity';
import {
  publicCloud,
  retryOptions,
  type CredentialOptions,
  type OtherCredentialOptions,
} from './credential-options.ts';

/** Makes the credential, and no request. */
export function createCredential(options: CredentialOptions): TokenCredential {
  if (options.kind !== 'managed-identity') return loadedOnFirstUse(options);
  const { clientId } = options;
  return new ManagedIdentityCredential({
    ...(clientId !== undefined && { clientId }),
    // It asks no authority, but would read AZURE_AUTHORITY_HOST and throw where that is set and empty.
    authorityHost: publicCloud,
    retryOptions,
  });
}

/** A third of the SDK less is loaded at a start that has a managed identity. */
function loadedOnFirstUse(options: OtherCredentialOptions): TokenCredential {
  let credential: Promise<TokenCredential> | undefined;
  const load = async (): Promise<TokenCredential> => {
    const { createOtherCredential } = await import('./other-credentials.ts');
    return createOtherCredential(options);
  };
  return { getToken: async (...request) => (await (credential ??= load())).getToken(...request) };
}
