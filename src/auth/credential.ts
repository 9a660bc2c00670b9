// Settings -> TokenCredential of @azure/identity. Used by auth.ts only.
// Knows no Redis, and never probes: the credential that the settings name is the one that is asked.

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
import type { CredentialSettings } from '../settings.ts';

// The SDK would retry four times within 5.5 s behind one getToken() call. The token keeper asks again by
// itself, denser as expiry comes nearer, and must see each failure at once.
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

/** The credential that the settings name. Makes no request. */
export function createCredential(settings: CredentialSettings): TokenCredential {
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
