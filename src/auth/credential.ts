// Options -> TokenCredential of @azure/identity. Nothing is probed: the named credential is the one that is asked.

import {
  AzureCliCredential,
  AzureDeveloperCliCredential,
  AzurePowerShellCredential,
  ChainedTokenCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
  type TokenCredential,
} from '@azure/identity';

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

// The SDK would retry four times within 5.5 s inside one getToken() call. The token keeper has a retry policy of its
// own, and must see each failure at once.
const retryOptions = { maxRetries: 0 };

const publicCloud = 'https://login.microsoftonline.com';
// https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
const microsoftAuthorityHosts: ReadonlySet<string> = new Set([
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.chinacloudapi.cn',
  'login.partner.microsoftonline.cn',
  'login.microsoft.com',
  'login.windows.net',
  'sts.windows.net',
]);

/** Makes the credential, and no request. */
export function createCredential(settings: CredentialOptions): TokenCredential {
  switch (settings.kind) {
    case 'managed-identity':
      return new ManagedIdentityCredential({
        ...(settings.clientId !== undefined && { clientId: settings.clientId }),
        // It asks no authority, but would read AZURE_AUTHORITY_HOST and throw where that is set and empty.
        authorityHost: publicCloud,
        retryOptions,
      });
    case 'client-secret':
      return new ClientSecretCredential(
        settings.tenantId,
        settings.clientId,
        settings.clientSecret,
        authorityOptions(settings.authorityHost),
      );
    case 'client-certificate':
      return new ClientCertificateCredential(
        settings.tenantId,
        settings.clientId,
        settings.certificatePassword === undefined
          ? { certificatePath: settings.certificatePath }
          : { certificatePath: settings.certificatePath, certificatePassword: settings.certificatePassword },
        authorityOptions(settings.authorityHost),
      );
    case 'developer':
      return new ChainedTokenCredential(
        new AzureCliCredential(),
        new AzureDeveloperCliCredential(),
        new AzurePowerShellCredential(),
      );
  }
}

function authorityOptions(authorityHost = publicCloud): {
  retryOptions: { maxRetries: number };
  authorityHost: string;
  disableInstanceDiscovery: boolean;
} {
  // MSAL asks the public cloud whether it knows the authority before it asks the authority; a private cloud
  // or a local authority is unknown there (https://aka.ms/azsdk/net/identity/disable-instance-discovery).
  const disableInstanceDiscovery = !microsoftAuthorityHosts.has(new URL(authorityHost).hostname);
  return { retryOptions, authorityHost, disableInstanceDiscovery };
}
