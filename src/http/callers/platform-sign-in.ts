// Whom the platform's sign-in (Easy Auth) says that a request is from: in a field that it alone sets where it is on,
// and that anybody could send where it is off.

import type { HttpRequest } from '@azure/functions';
import type { Identity } from './caller.ts';

// https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
const field = 'x-ms-client-principal';
const longestBytes = 32 * 1024;
const names = {
  oid: ['oid', 'http://schemas.microsoft.com/identity/claims/objectidentifier'],
  tid: ['tid', 'http://schemas.microsoft.com/identity/claims/tenantid'],
  aud: ['aud'],
  roles: ['roles', 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role'],
} as const;

export interface ExpectedSignIn {
  readonly tenantId: string;
  readonly audiences: readonly string[];
}

/** Undefined where nobody is signed in, or somebody of another tenant or application. */
export function signedIn(
  { headers }: Pick<HttpRequest, 'headers'>,
  { tenantId, audiences }: ExpectedSignIn,
): Identity | undefined {
  const claims = claimsIn(headers.get(field));
  const of = (name: keyof typeof names): readonly string[] =>
    claims.flatMap(({ typ, val }) => ((names[name] as readonly string[]).includes(typ) ? [val] : []));
  const [objectId] = of('oid');
  const isExpected =
    of('tid').some((tenant) => tenant.toLowerCase() === tenantId) &&
    of('aud').some((audience) => audiences.includes(audience));
  return objectId !== undefined && isExpected
    ? { objectId, clientId: undefined, roles: of('roles') }
    : undefined;
}

interface Claim {
  readonly typ: string;
  readonly val: string;
}

function claimsIn(value: string | null): readonly Claim[] {
  if (value === null || value.length > longestBytes) return [];
  try {
    const principal: unknown = JSON.parse(Buffer.from(value, 'base64').toString());
    const { auth_typ: by, claims } = (principal ?? {}) as Readonly<Record<string, unknown>>;
    return by === 'aad' && Array.isArray(claims) ? claims.filter((claim) => isClaim(claim)) : [];
  } catch {
    return [];
  }
}

function isClaim(claim: unknown): claim is Claim {
  if (typeof claim !== 'object' || claim === null) return false;
  return 'typ' in claim && typeof claim.typ === 'string' && 'val' in claim && typeof claim.val === 'string';
}

/** Whether the platform says anything of who it is. */
export function hasSignIn({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  return headers.has(field);
}
