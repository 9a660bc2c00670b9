import { expect, it } from 'vitest';
import {
  ChainedTokenCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from '@azure/identity';
import { createCredential } from '../../../src/auth/credential.ts';

const application = { tenantId: 'tenant', clientId: 'client', authorityHost: undefined };

it.each([
  [{ kind: 'managed-identity', clientId: undefined } as const, ManagedIdentityCredential],
  [{ kind: 'managed-identity', clientId: 'user-assigned' } as const, ManagedIdentityCredential],
  [{ kind: 'client-secret', ...application, clientSecret: 'secret' } as const, ClientSecretCredential],
  [
    {
      kind: 'client-secret',
      ...application,
      clientSecret: 'secret',
      authorityHost: 'https://login.example',
    } as const,
    ClientSecretCredential,
  ],
  [
    {
      kind: 'client-certificate',
      ...application,
      certificatePath: '/absent.pem',
      certificatePassword: undefined,
    } as const,
    ClientCertificateCredential,
  ],
  [
    {
      kind: 'client-certificate',
      ...application,
      certificatePath: '/absent.pem',
      certificatePassword: 'p',
    } as const,
    ClientCertificateCredential,
  ],
  [{ kind: 'developer' } as const, ChainedTokenCredential],
])('the identity %j asks by the credential of the SDK that is made for it', (options, expected) => {
  expect(createCredential(options)).toBeInstanceOf(expected);
});
