// Hands out tokens the way a token service does, and misbehaves on demand; keeps a log of who asked.
// Shared by the identity endpoint and the token authority. Knows neither of their protocols.

import { setTimeout as delay } from 'node:timers/promises';
import type { Identity, IssuedToken, TokenIssuer } from './token-issuer.ts';

export type TokenServiceBehaviour =
  /** As the platform does. */
  | { readonly mode: 'normal' }
  /** Answers with an error; status 500 unless said otherwise. */
  | { readonly mode: 'fail'; readonly status?: number }
  /** Accepts and never answers, not even after the behaviour has changed. */
  | { readonly mode: 'hang' }
  /** The last token again, however old. */
  | { readonly mode: 'repeat' }
  /** A token that expired a minute ago. */
  | { readonly mode: 'expired' }
  /** Normal, `delayMs` later. */
  | { readonly mode: 'slow'; readonly delayMs: number };

/** Behaviours without parameters may be given by name. */
export type TokenServiceBehaviourName = Exclude<TokenServiceBehaviour['mode'], 'slow'>;

export interface TokenCall {
  readonly atMs: number;
  readonly resource: string;
  /** As the caller gave it. */
  readonly clientId: string | undefined;
  /** `refused`: the request was wrong. `failed` and `hung`: told to. */
  readonly outcome: 'issued' | 'cached' | 'refused' | 'failed' | 'hung';
}

export interface TokenDeskOptions {
  readonly issuer: Pick<TokenIssuer, 'issue'>;
  readonly tokenLifetimeMs: number;
  /** A token is handed out again until this part of its life has passed; 0 means a new one per request. */
  readonly reuseForLifeFraction: number;
}

export type DeskAnswer =
  | { readonly kind: 'token'; readonly issued: IssuedToken }
  | { readonly kind: 'failed'; readonly status: number }
  | { readonly kind: 'hung' };

const keptCalls = 1000;
const keptTokens = 100;
const expiredForMs = 60_000;

export class TokenDesk {
  readonly calls: TokenCall[] = [];
  readonly #issuer: Pick<TokenIssuer, 'issue'>;
  readonly #reuseForLifeFraction: number;
  readonly #last = new Map<string, Promise<IssuedToken>>();
  #tokenLifetimeMs: number;
  #behaviour: TokenServiceBehaviour = { mode: 'normal' };

  constructor(options: TokenDeskOptions) {
    this.#issuer = options.issuer;
    this.#tokenLifetimeMs = options.tokenLifetimeMs;
    this.#reuseForLifeFraction = options.reuseForLifeFraction;
  }

  setBehaviour(behaviour: TokenServiceBehaviour | TokenServiceBehaviourName): void {
    this.#behaviour = typeof behaviour === 'string' ? { mode: behaviour } : behaviour;
  }

  /** For tokens issued from now on. */
  setTokenLifetimeMs(lifetimeMs: number): void {
    this.#tokenLifetimeMs = lifetimeMs;
  }

  /** Every next request gets a new token. */
  forget(): void {
    this.#last.clear();
  }

  refuse(resource: string, clientId: string | undefined): void {
    this.#log(resource, clientId, 'refused');
  }

  async ask(resource: string, clientId: string | undefined, identity: Identity): Promise<DeskAnswer> {
    const behaviour = this.#behaviour;
    if (behaviour.mode === 'slow') await delay(behaviour.delayMs, undefined, { ref: false });
    if (behaviour.mode === 'hang') {
      this.#log(resource, clientId, 'hung');
      return { kind: 'hung' };
    }
    if (behaviour.mode === 'fail') {
      this.#log(resource, clientId, 'failed');
      return { kind: 'failed', status: behaviour.status ?? 500 };
    }
    const lifetimeMs = this.#tokenLifetimeMs;
    if (behaviour.mode === 'expired') {
      const issuedAtMs = Date.now() - lifetimeMs - expiredForMs;
      this.#log(resource, clientId, 'issued');
      const issued = await this.#issuer.issue({ audience: resource, identity, lifetimeMs, issuedAtMs });
      return { kind: 'token', issued };
    }
    const key = `${resource} ${identity.clientId}`;
    const last = await this.#last.get(key);
    if (last !== undefined && (behaviour.mode === 'repeat' || this.#reusable(last))) {
      this.#log(resource, clientId, 'cached');
      return { kind: 'token', issued: last };
    }
    this.#log(resource, clientId, 'issued');
    const issuing = this.#issuer.issue({ audience: resource, identity, lifetimeMs });
    if (this.#last.size >= keptTokens) this.#last.clear();
    // The promise itself: instances that ask at the same time get the same token.
    this.#last.set(key, issuing);
    return { kind: 'token', issued: await issuing };
  }

  #reusable({ issuedAtMs, expiresAtMs }: IssuedToken): boolean {
    return Date.now() < issuedAtMs + (expiresAtMs - issuedAtMs) * this.#reuseForLifeFraction;
  }

  #log(resource: string, clientId: string | undefined, outcome: TokenCall['outcome']): void {
    this.calls.push({ atMs: Date.now(), resource, clientId, outcome });
    if (this.calls.length > keptCalls) this.calls.shift();
  }
}
