// Callers with tokens of Microsoft Entra ID: who a request is from, and whether its roles are enough.

import { createHash } from 'node:crypto';
import type { HttpRequest } from '@azure/functions';
import { LRUCache } from 'lru-cache';
import { createTransport } from '../../origin/transport.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { Clock } from '../../util/clock.ts';
import { authorizationUri, publicAuthorityHost, publishedBy, type ReadPublished } from './authority.ts';
import { bearerOf } from './bearer.ts';
import type { Caller, Identity } from './caller.ts';
import { Challenge } from './challenge.ts';
import { KeySet } from './key-set.ts';
import { hasSignIn, signedIn } from './platform-sign-in.ts';
import { prefixesOf, type CallerPrefixes } from './prefixes.ts';
import type { TokenCheck } from './token-check.ts';

export interface EntraCallersOptions {
  /** https://; that of the public cloud where undefined. */
  readonly authorityHost?: string | undefined;
  /** An id or a domain. */
  readonly tenant: string;
  /** The claim `aud` is one of them; callers are told the first. */
  readonly audiences: readonly string[];
  readonly prefixes?: CallerPrefixes | undefined;
  /** Whether the platform's sign-in is before this app, and takes away what callers say of it themselves. */
  readonly easyAuth: boolean;
  /** PEM: whom to trust in place of whom Node.js trusts. */
  readonly ca?: string | undefined;
}

export interface EntraCallersDeps {
  readonly clock: Clock;
  readonly emit: Emit;
  /** From the authority where undefined. */
  readonly read?: ReadPublished | undefined;
}

/** Who sends a request. @throws Problem for one that is not let in: at once, or later. */
export type Access = (request: HttpRequest, deadlineAtMs: number) => Caller | Promise<Caller>;

export interface AccessOptions {
  /** Any of them is enough; without any, every token of the tenant for this app is. */
  readonly roles: readonly string[];
  /** Whether a browser that the platform has signed in is let in, too. */
  readonly bySignIn?: boolean;
}

interface Remembered {
  readonly caller: Caller;
  readonly expiresAtMs: number;
}

const mostRemembered = 10_000;

export class EntraCallers {
  readonly #options: EntraCallersOptions;
  readonly #clock: Clock;
  readonly #keySet: KeySet;
  readonly #challenge: Challenge;
  readonly #prefixesOf: (identity: Identity) => Caller['prefixes'];
  /** By the hash of the token: what is in memory is none. */
  readonly #remembered = new LRUCache<string, Remembered>({ max: mostRemembered });
  #check: Promise<TokenCheck> | undefined;

  constructor(options: EntraCallersOptions, { clock, emit, read }: EntraCallersDeps) {
    const [audience = ''] = options.audiences;
    const { authorityHost = publicAuthorityHost, tenant, ca } = options;
    const authority = { authorityHost, tenant };
    this.#options = options;
    this.#clock = clock;
    this.#challenge = new Challenge({ authorizationUri: authorizationUri(authority), audience });
    this.#prefixesOf = prefixesOf(options.prefixes);
    this.#keySet = new KeySet({
      read: read ?? publishedBy(authority, createTransport({ maxSockets: 1, ca })),
      clock,
      emit,
    });
    // A key that has been withdrawn lets nobody in any more.
    this.#keySet.onChange(() => this.#remembered.clear());
  }

  /** Begins to read the keys, and to load what tokens are verified with. */
  start(): void {
    this.#keySet.prefetch();
    this.#loaded().catch(() => {});
  }

  stop(): void {
    this.#keySet.stop();
  }

  access({ roles, bySignIn = false }: AccessOptions): Access {
    const isSignInPossible = bySignIn && this.#options.easyAuth;
    const admitted = (caller: Caller): Caller => {
      const own = caller.identity?.roles ?? [];
      if (roles.length > 0 && !roles.some((role) => own.includes(role)))
        throw this.#challenge.forbidden(roles);
      return caller;
    };
    return (request, deadlineAtMs) => {
      const bearer = bearerOf(request);
      if (bearer.kind === 'malformed') throw this.#challenge.malformed(bearer.detail);
      if (bearer.kind === 'none') {
        if (!isSignInPossible || !hasSignIn(request)) throw this.#challenge.missing(isSignInPossible);
        return this.#signedIn(request, deadlineAtMs).then(admitted);
      }
      const digest = createHash('sha256').update(bearer.token).digest('base64');
      const remembered = this.#remembered.get(digest);
      if (remembered !== undefined && this.#clock.wallMs() < remembered.expiresAtMs) {
        return admitted(remembered.caller);
      }
      return this.#verified(bearer.token, digest, deadlineAtMs).then(admitted);
    };
  }

  async #verified(token: string, digest: string, deadlineAtMs: number): Promise<Caller> {
    const check = await this.#loaded();
    const verdict = await check.verify(token, deadlineAtMs);
    switch (verdict.kind) {
      case 'unavailable':
        throw this.#challenge.unavailable(verdict.retryAfterSeconds);
      case 'invalid':
        throw this.#challenge.invalid(verdict.why);
      case 'verified': {
        const { identity, expiresAtMs, published } = verdict;
        const caller = this.#callerOf(identity);
        // Its key may have gone meanwhile.
        if (published === this.#keySet.published) this.#remembered.set(digest, { caller, expiresAtMs });
        return caller;
      }
    }
  }

  async #signedIn(request: HttpRequest, deadlineAtMs: number): Promise<Caller> {
    // By id, which a tenant that is set by its domain gets from discovery.
    const published = await this.#keySet.whenPublished(deadlineAtMs);
    if (published === undefined) throw this.#challenge.unavailable(this.#keySet.retryAfterSeconds);
    const { audiences } = this.#options;
    const identity = signedIn(request, { tenantId: published.tenantId, audiences });
    if (identity === undefined) throw this.#challenge.missing(true);
    return this.#callerOf(identity);
  }

  #callerOf(identity: Identity): Caller {
    return { identity, prefixes: this.#prefixesOf(identity) };
  }

  /** Never rejects where the app is whole. */
  #loaded(): Promise<TokenCheck> {
    const { audiences } = this.#options;
    this.#check ??= import('./token-check.ts').then(
      ({ TokenCheck: Check }) => new Check({ keySet: this.#keySet, audiences, clock: this.#clock }),
    );
    return this.#check;
  }
}
