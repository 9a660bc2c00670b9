// The identity endpoint of this process: one after another, for test files share it.

import { ManagedIdentityCredential } from '@azure/identity';
import type { IdentityEndpoint } from '../../local/identity-endpoint.ts';

/** What MSAL keeps for all credentials of a process: the first endpoint that it found, and the tokens. */
interface KeptByMsal {
  readonly managedIdentityApp: {
    readonly constructor: { nodeStorage: unknown };
    readonly managedIdentityClient: { readonly constructor: { identitySource: unknown } };
  };
}

/** As if the process had just started with this endpoint. */
export function adoptIdentity({ url, header }: Pick<IdentityEndpoint, 'url' | 'header'>): void {
  Object.assign(process.env, { IDENTITY_ENDPOINT: url, IDENTITY_HEADER: header });
  const { managedIdentityApp } = new ManagedIdentityCredential() as unknown as KeptByMsal;
  managedIdentityApp.constructor.nodeStorage = undefined;
  managedIdentityApp.managedIdentityClient.constructor.identitySource = undefined;
}
