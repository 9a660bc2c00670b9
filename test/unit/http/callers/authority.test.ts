import { beforeAll, describe, expect, it } from 'vitest';
import { authorizationUri, publishedBy } from '../../../../src/http/callers/authority.ts';
import type { Transport } from '../../../../src/origin/transport.ts';
import {
  issuerOfVersion1,
  issuerOfVersion2,
  makeKey,
  tenantId,
  type SigningKey,
} from '../../../support/caller-tokens.ts';

let key: SigningKey;
beforeAll(async () => {
  key = await makeKey('one');
});

const discovery = `https://login.microsoftonline.com/${tenantId}/v2.0/.well-known/openid-configuration`;
const keysUri = `https://login.microsoftonline.com/${tenantId}/discovery/v2.0/keys`;
const document = { issuer: issuerOfVersion2, jwks_uri: keysUri };

function read(
  answers: Readonly<Record<string, unknown>>,
  { tenant = tenantId, authorityHost = 'https://login.microsoftonline.com', status = 200 } = {},
) {
  const transport: Transport = {
    async get(url) {
      const given = answers[url.href];
      const text = typeof given === 'string' ? given : JSON.stringify(given);
      async function* body() {
        yield Buffer.from(text);
      }
      const framing = { kind: 'chunked' } as const;
      return { status, headers: {}, framing, body: body() };
    },
  };
  return publishedBy({ authorityHost, tenant }, transport)(new AbortController().signal);
}

describe('what a tenant publishes', () => {
  it('is found by discovery: the issuers of both versions, and the keys', async () => {
    expect(await read({ [discovery]: document, [keysUri]: { keys: [key.published] } })).toEqual({
      tenantId,
      issuers: [issuerOfVersion2, issuerOfVersion1],
      keys: new Map([['one', key.published]]),
    });
  });

  it('is found by a domain: the document has the id', async () => {
    const byDomain = discovery.replace(tenantId, 'contoso.example');
    const published = await read(
      { [byDomain]: document, [keysUri]: { keys: [key.published] } },
      { tenant: 'contoso.example' },
    );
    expect(published).toMatchObject({ tenantId });
  });

  it.each([
    ['https://login.microsoftonline.us/', 'sts.windows.net'],
    ['https://login.partner.microsoftonline.cn', 'sts.chinacloudapi.cn'],
    ['https://login.chinacloudapi.cn', 'sts.chinacloudapi.cn'],
  ])('has the issuers of the cloud of %s', async (authorityHost, issuerHost) => {
    const { origin } = new URL(authorityHost);
    const at = (path: string): string => `${origin}/${tenantId}/${path}`;
    const answers = {
      [at('v2.0/.well-known/openid-configuration')]: { issuer: at('v2.0'), jwks_uri: at('keys') },
      [at('keys')]: { keys: [key.published] },
    };
    const { issuers } = await read(answers, { authorityHost });
    expect(issuers).toEqual([at('v2.0'), `https://${issuerHost}/${tenantId}/`]);
    expect(authorizationUri({ authorityHost, tenant: 't' })).toBe(`${origin}/t/oauth2/v2.0/authorize`);
  });

  it('leaves out keys that are for something else', async () => {
    const other = (more: object): object => ({ ...key.published, kid: JSON.stringify(more), ...more });
    const keys = [
      other({ use: 'enc' }),
      other({ alg: 'PS256' }),
      other({ kty: 'EC' }),
      other({ n: 'AQAB' }),
      other({ issuer: issuerOfVersion2.replaceAll('7e4a', '7e4b') }),
      { ...key.published, kid: undefined },
      'no key',
      null,
      other({ kid: 'any tenant', issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' }),
      other({ kid: 'this tenant', issuer: issuerOfVersion2, use: 'sig' }),
    ];
    const published = await read({ [discovery]: document, [keysUri]: { keys } });
    expect([...published.keys.keys()]).toEqual(['any tenant', 'this tenant']);
  });

  it.each([
    ['an answer that is no JSON', { [discovery]: '<html>' }, 'its answer is not JSON'],
    ['an answer that is no object', { [discovery]: '1' }, 'its answer is not a JSON object'],
    [
      'the document of all tenants',
      { [discovery]: { ...document, issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' } },
      'its discovery document names no issuer of one tenant',
    ],
    [
      'the document of another tenant',
      { [discovery]: { ...document, issuer: issuerOfVersion2.replaceAll('7e4a', '7e4b') } },
      'its discovery document is that of another tenant',
    ],
    [
      'keys that anybody on the way could change',
      { [discovery]: { ...document, jwks_uri: keysUri.replace('https', 'http') } },
      'its discovery document names no https:// keys',
    ],
    ['no key', { [discovery]: document, [keysUri]: { keys: [] } }, 'it publishes no RSA key for signatures'],
    ['too much', { [discovery]: `"${'x'.repeat(2 ** 20)}"` }, 'it sent more than 524288 bytes'],
  ])('is refused where it is %s', async (_name, answers, reason) => {
    await expect(read(answers)).rejects.toThrow(reason);
  });

  it('has the number of an error of Entra in its reason, and nothing else of the answer', async () => {
    const description = "AADSTS90002: Tenant 'x' not found.";
    const failing = read({ [discovery]: { error_description: description } }, { status: 400 });
    await expect(failing).rejects.toThrow(/^it answered 400 \(AADSTS90002\)$/u);
  });
});
