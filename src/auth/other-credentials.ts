// The credentials of applications and developers: loaded where one of them is configured.

import {
  AzureCliCredential,
  AzureDeveloperCliCredential,
  AzurePowerShellCredential,
  ChainedTokenCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  type TokenCredential,
} from '@azure/identity';
import { publicCloud, retryOptions, type OtherCredentialOptions } from './credential-options.ts';

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
export function createOtherCredential(settings: OtherCredentialOptions): TokenCredential {
  switch (settings.kind) {
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
