// Tokens of callers with the roles that are asked for, for whoever runs the local parts: what an administrator would
// assign before, and what Entra has no request for.

import { appRoles, type CacheRegistration } from './cache-registration.ts';
import type { JsonBody } from './json-response.ts';

/** Of the authority; a POST of `CallerTokenRequest` as JSON, with the client secret as bearer token. */
export const callerTokenPath = '/local/caller-token';

export interface CallerTokenRequest {
  readonly roles: readonly string[];
  /** Whether a user signed in. */
  readonly isUser: boolean;
}

export interface CallerTokenAnswer {
  readonly access_token: string;
}

export async function answerCallerToken(
  body: string,
  cache: CacheRegistration,
): Promise<{ readonly status: number; readonly body: JsonBody }> {
  const { roles, isUser } = JSON.parse(body) as CallerTokenRequest;
  const access_token = await cache.token({ roles, kind: isUser ? 'user' : 'application' });
  return { status: 200, body: { access_token } satisfies CallerTokenAnswer };
}

/** @throws Error for one that the cache's HTTP side has not. */
export function checkRoles(roles: readonly string[]): void {
  const unknown = roles.find((role) => !(appRoles as readonly string[]).includes(role));
  if (unknown === undefined) return;
  throw new Error(`No such role: "${unknown}". There are: ${appRoles.join(', ')}.`);
}
