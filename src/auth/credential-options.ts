// Which identity asks for tokens, and what all credentials of @azure/identity are told.

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
