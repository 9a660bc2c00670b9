// What a tenant publishes for those who verify its tokens: its issuer and its keys, found by discovery.

import { RetryBudget } from '../../origin/retry-budget.ts';
import type { Transport } from '../../origin/transport.ts';

export interface AuthorityOptions {
  /** https:// */
  readonly authorityHost: string;
  /** An id or a domain. */
  readonly tenant: string;
}

/** RSA, for signatures: what Entra signs with. */
export interface PublishedKey {
  readonly kty: 'RSA';
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

export interface Published {
  /** The tenant's id. */
  readonly tenantId: string;
  /** Of its tokens, in the forms of versions 1 and 2. */
  readonly issuers: readonly string[];
  /** By key id. */
  readonly keys: ReadonlyMap<string, PublishedKey>;
}

export type ReadPublished = (signal: AbortSignal) => Promise<Published>;

export const publicAuthorityHost = 'https://login.microsoftonline.com';

/** Where applications and users get tokens. */
export function authorizationUri({ authorityHost, tenant }: AuthorityOptions): string {
  return `${new URL(authorityHost).origin}/${tenant}/oauth2/v2.0/authorize`;
}

/** Two requests; each failure says in words what it was. */
export function publishedBy(options: AuthorityOptions, transport: Transport): ReadPublished {
  const { origin } = new URL(options.authorityHost);
  const discovery = `${origin}/${options.tenant}/v2.0/.well-known/openid-configuration`;
  return async (signal) => {
    const document = await readJson(transport, new URL(discovery), signal);
    const { issuer, jwks_uri: keysUri } = document;
    const tenantId = typeof issuer === 'string' ? tenantIdIn(issuer) : undefined;
    if (typeof issuer !== 'string' || tenantId === undefined) {
      throw new Error('its discovery document names no issuer of one tenant');
    }
    if (isTenantId(options.tenant) && options.tenant.toLowerCase() !== tenantId) {
      throw new Error('its discovery document is that of another tenant');
    }
    const keysUrl = typeof keysUri === 'string' ? URL.parse(keysUri) : null;
    if (keysUrl?.protocol !== 'https:') throw new Error('its discovery document names no https:// keys');
    const { keys } = await readJson(transport, keysUrl, signal);
    const issuers = [issuer, `https://${issuerHostOfVersion1(origin)}/${tenantId}/`];
    return { tenantId, issuers, keys: usableKeys(keys, tenantId) };
  };
}

const guid = String.raw`[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}`;
const issuerPattern = new RegExp(`^https://[^/]+/(${guid})/v2\\.0$`, 'iu');
const tenantIdPattern = new RegExp(`^${guid}$`, 'iu');

function tenantIdIn(issuer: string): string | undefined {
  return issuerPattern.exec(issuer)?.[1]?.toLowerCase();
}

function isTenantId(tenant: string): boolean {
  return tenantIdPattern.test(tenant);
}

// https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
const chinaHosts: ReadonlySet<string> = new Set([
  'login.chinacloudapi.cn',
  'login.partner.microsoftonline.cn',
]);

/** That of Azure Government is the public cloud's. */
function issuerHostOfVersion1(authorityOrigin: string): string {
  return chinaHosts.has(new URL(authorityOrigin).hostname) ? 'sts.chinacloudapi.cn' : 'sts.windows.net';
}

function usableKeys(given: unknown, tenantId: string): ReadonlyMap<string, PublishedKey> {
  const listed = Array.isArray(given) ? (given as readonly unknown[]) : [];
  const keys = listed.filter((key) => isUsable(key)).filter((key) => isOfTenant(key, tenantId));
  // An empty list would lock everybody out who was let in a moment before.
  if (keys.length === 0) throw new Error('it publishes no RSA key for signatures');
  return new Map(keys.map(({ kty, kid, n, e }) => [kid, { kty, kid, n, e }]));
}

// 2,048 bits, as base64url: RFC 7518, section 3.3.
const shortestModulus = 342;

function isUsable(key: unknown): key is PublishedKey {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, kid, n, e, use = 'sig', alg = 'RS256' } = key as Readonly<Record<string, unknown>>;
  const isText = [kid, n, e].every((text) => typeof text === 'string' && text !== '');
  const isLongEnough = typeof n === 'string' && /^[\w-]+$/u.test(n) && n.length >= shortestModulus;
  return kty === 'RSA' && use === 'sig' && alg === 'RS256' && isText && isLongEnough;
}

/**
 * A key may name the issuer that it is for, with `{tenantid}` where it is any tenant.
 * https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-signing-key-issuer
 */
function isOfTenant(key: object, tenantId: string): boolean {
  const issuer = 'issuer' in key && typeof key.issuer === 'string' ? key.issuer : '';
  const named = tenantIdIn(issuer);
  return named === undefined || named === tenantId;
}

const largestDocumentBytes = 512 * 1024;

async function readJson(
  transport: Transport,
  url: URL,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await transport.get(
    url,
    { Accept: 'application/json' },
    signal,
    new RetryBudget(),
  );
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > largestDocumentBytes) throw new Error(`it sent more than ${largestDocumentBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (status !== 200) throw new Error(`it answered ${status}${errorNumberIn(text)}`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error('its answer is not JSON');
  }
  if (typeof document === 'object' && document !== null) return document as Readonly<Record<string, unknown>>;
  throw new Error('its answer is not a JSON object');
}

/** By which the cause is found: https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
function errorNumberIn(text: string): string {
  const [number] = /AADSTS\d+/u.exec(text) ?? [];
  return number === undefined ? '' : ` (${number})`;
}
