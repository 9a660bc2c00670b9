import { describe, expect, it } from 'vitest';
import {
  ChainedTokenCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from '@azure/identity';
import { createCredential } from '../../../src/auth/credential.ts';
import { createOtherCredential } from '../../../src/auth/other-credentials.ts';

const application = { tenantId: 'tenant', clientId: 'client', authorityHost: undefined };
const certificate = { kind: 'client-certificate', ...application, certificatePath: '/absent.pem' } as const;

describe('the identity asks by the credential of the SDK that is made for it', () => {
  it.each([undefined, 'user-assigned'])('managed, with the client id %s', (clientId) => {
    const credential = createCredential({ kind: 'managed-identity', clientId });
    expect(credential).toBeInstanceOf(ManagedIdentityCredential);
  });

  it.each([
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
    [{ ...certificate, certificatePassword: undefined }, ClientCertificateCredential],
    [{ ...certificate, certificatePassword: 'p' }, ClientCertificateCredential],
    [{ kind: 'developer' } as const, ChainedTokenCredential],
  ])('%j', (options, expected) => {
    expect(createOtherCredential(options)).toBeInstanceOf(expected);
  });
});

it('loads a credential with its first request, and says what that credential says', async () => {
  const credential = createCredential({ ...certificate, certificatePassword: undefined });
  for (const attempt of ['first', 'second']) {
    await expect(credential.getToken('scope'), attempt).rejects.toThrow('/absent.pem');
  }
});
