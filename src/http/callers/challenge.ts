// What callers are told who are not let in: problems with WWW-Authenticate (RFC 6750, section 3).

import { Problem, type Headers } from '../problem.ts';

export interface ChallengeOptions {
  /** Where tokens are had. */
  readonly authorizationUri: string;
  /** What they are for. */
  readonly audience: string;
}

export class Challenge {
  readonly #common: string;
  readonly #scope: string;

  constructor({ authorizationUri, audience }: ChallengeOptions) {
    this.#common = `Bearer realm="cache", authorization_uri="${authorizationUri}"`;
    this.#scope = `${audience}/.default`;
  }

  /** 401: there is no token. RFC 6750 gives no error then. */
  missing(isSignInPossible: boolean): Problem {
    const browser = isSignInPossible ? ' A browser signs in at /.auth/login/aad first.' : '';
    const detail = `Send a token of Microsoft Entra ID for the scope ${this.#scope} as "Authorization: Bearer <token>".${browser}`;
    return new Problem('unauthenticated', detail, this.#headers({ scope: this.#scope }));
  }

  /** 400: what came is not one token. */
  malformed(detail: string): Problem {
    return new Problem('invalid-header', detail, this.#headers({ error: 'invalid_request' }));
  }

  /** 401: the token is not to be trusted. */
  invalid(why: string): Problem {
    const fields = { error: 'invalid_token', error_description: why };
    return new Problem('unauthenticated', why, this.#headers(fields));
  }

  /** 403: the token has none of the app roles that would do. */
  forbidden(roles: readonly string[]): Problem {
    const detail = `The caller lacks the app role ${roles.join(' or ')}.`;
    const fields = { error: 'insufficient_scope', error_description: detail, scope: roles.join(' ') };
    return new Problem('forbidden', detail, this.#headers(fields));
  }

  /** 503: an outage of the authority says nothing about the token. */
  unavailable(retryAfterSeconds: number): Problem {
    const detail =
      'The keys that tokens are verified with cannot be read at the moment. This says nothing about the token.';
    return new Problem('authority-unavailable', detail, { 'Retry-After': `${retryAfterSeconds}` });
  }

  /** @param fields printable ASCII without quotes and backslashes. */
  #headers(fields: Readonly<Record<string, string>>): Headers {
    const own = Object.entries(fields).map(([name, value]) => `, ${name}="${value}"`);
    return { 'WWW-Authenticate': this.#common + own.join('') };
  }
}
