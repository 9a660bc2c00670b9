import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/config/settings.ts';
import { audience, callerId, tenantId } from '../../support/caller-tokens.ts';

const least = { REDIS_HOSTNAME: 'cache.westeurope.redis.azure.net' };
const entra = {
  ...least,
  HTTP_AUTH: 'entra',
  HTTP_ENTRA_TENANT_ID: tenantId,
  HTTP_ENTRA_AUDIENCE: audience,
};

const callersOf = (environment: Readonly<Record<string, string>>) => readSettings(environment).callers;

describe('who may call', () => {
  it('is whoever has a key, unless it is said', () => {
    expect(callersOf(least)).toEqual({ kind: 'function-key' });
    expect(callersOf({ ...entra, HTTP_AUTH: 'function-key' })).toEqual({ kind: 'function-key' });
  });

  it('is whoever has a token of the tenant for the audience', () => {
    expect(callersOf(entra)).toEqual({
      kind: 'entra',
      tenant: tenantId,
      audiences: [audience],
      authorityHost: undefined,
      prefixes: {},
      easyAuth: false,
    });
    expect(
      callersOf({
        ...entra,
        HTTP_ENTRA_TENANT_ID: 'contoso.onmicrosoft.com',
        HTTP_ENTRA_AUDIENCE: `${audience}, api://contoso.com/cache`,
        HTTP_ENTRA_PREFIXES: JSON.stringify({ [callerId]: 'shop/', 'Team.Web': 'web/' }),
        HTTP_ENTRA_EASY_AUTH: 'in-front',
        AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.us',
      }),
    ).toEqual({
      kind: 'entra',
      tenant: 'contoso.onmicrosoft.com',
      audiences: [audience, 'api://contoso.com/cache'],
      authorityHost: 'https://login.microsoftonline.us',
      prefixes: { [callerId]: 'shop/', 'Team.Web': 'web/' },
      easyAuth: true,
    });
  });

  it.each([
    ['HTTP_AUTH', 'none'],
    ['HTTP_ENTRA_TENANT_ID', ''],
    ['HTTP_ENTRA_TENANT_ID', 'common'],
    ['HTTP_ENTRA_TENANT_ID', 'Organizations'],
    ['HTTP_ENTRA_TENANT_ID', 'a/b'],
    ['HTTP_ENTRA_TENANT_ID', '..'],
    ['HTTP_ENTRA_AUDIENCE', ''],
    ['HTTP_ENTRA_AUDIENCE', `${audience},`],
    ['HTTP_ENTRA_AUDIENCE', 'api://x"y'],
    ['HTTP_ENTRA_AUDIENCE', 'one two'],
    ['HTTP_ENTRA_AUDIENCE', Array.from({ length: 11 }, (_, n) => `a${n}`).join(',')],
    ['HTTP_ENTRA_PREFIXES', 'shop/'],
    ['HTTP_ENTRA_PREFIXES', '["shop/"]'],
    ['HTTP_ENTRA_PREFIXES', `{"a": "${'x'.repeat(40_000)}"}`],
    ['HTTP_ENTRA_EASY_AUTH', 'true'],
    ['AZURE_AUTHORITY_HOST', 'http://login.example'],
  ])('is not told by %s=%j, and the fault names it and no value', (name, value) => {
    const reading = () => readSettings({ ...entra, [name]: value });
    expect(reading).toThrow(
      new RegExp(`^1 setting\\(s\\) missing or wrong:\\n  ${name}: expected [^\\n]+$`, 'u'),
    );
  });

  it('names each prefix that is wrong', () => {
    const reading = () =>
      readSettings({ ...entra, HTTP_ENTRA_PREFIXES: '{"Team.Shop": 1, "Team.Web": "web/"}' });
    expect(reading).toThrow('HTTP_ENTRA_PREFIXES["Team.Shop"]: expected a prefix of keys');
  });

  it('has no prefixes without tokens: nobody would be confined', () => {
    const reading = () => readSettings({ ...least, HTTP_ENTRA_PREFIXES: '{"Team.Shop": "shop/"}' });
    expect(reading).toThrow('HTTP_ENTRA_PREFIXES: expected to be left out unless HTTP_AUTH is entra');
  });

  it('names an authority host that is wrong once, whoever asks it', () => {
    const reading = () =>
      readSettings({
        ...entra,
        REDIS_CREDENTIAL: 'client-secret',
        AZURE_TENANT_ID: 't',
        AZURE_CLIENT_ID: 'c',
        AZURE_CLIENT_SECRET: 's',
        AZURE_AUTHORITY_HOST: 'http://login.example',
      });
    expect(reading).toThrow(/^1 setting/u);
  });
});
