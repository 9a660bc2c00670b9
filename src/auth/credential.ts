// Options -> TokenCredential of @azure/identity. Nothing is probed: the named credential is the one that is asked.

import { ManagedIdentityCredential, type TokenCredential } from '@azure/identity';

/** Which identity asks for tokens. */
export type CredentialOptions =
  | { readonly kind: 'managed-identity'; readonly clientId: string | undefined }
  | {
      readonly kind: 'client-secret';
      readonly tenantId: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly authorityHost: string | undefined;
    }
  | {
      readonly kind: 'client-certificate';
      readonly tenantId: string;
      readonly clientId: string;
      readonly certificatePath: string;
      readonly certificatePassword: string | undefined;
      readonly authorityHost: string | undefined;
    }
  | { readonly kind: 'developer' };

/** Those of people and of registered applications: each needs a part of the SDK that a managed identity does not. */
export type OtherCredentialOptions = Exclude<CredentialOptions, { readonly kind: 'managed-identity' }>;

// The SDK would retry four times within 5.5 s inside one getToken() call. The token keeper has a retry policy of its
// own, and must see each failure at once.
export const retryOptions = { maxRetries: 0 };

export const publicCloud = 'https://login.microsoftonline.com';

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
