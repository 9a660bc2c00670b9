// Decides who may enter redis with which token, and keeps redis's ACL users in step with that.
// Used by the front. Knows nothing of connections.
//
// Held to https://learn.microsoft.com/azure/redis/entra-for-authentication : the user name is the object id, the
// password a token for Redis, and the identity needs an access policy assignment of the cache.

import { createHash } from 'node:crypto';
import { atTime } from '../alarm.ts';
import type { RedisServer } from '../redis-server.ts';
import { redisAudiences, type TokenIssuer, type VerifiedToken } from '../token-issuer.ts';

export type Verdict =
  { readonly accepted: false } | { readonly accepted: true; readonly tokenExpiresAtMs: number };

/** A token that redis knows as a password of a user. */
interface Grant {
  readonly username: string;
  readonly tokenHash: string;
  readonly objectId: string;
  readonly cancelExpiry: () => void;
}

export class AccessPolicy {
  readonly #issuer: TokenIssuer;
  readonly #redis: RedisServer;
  /** Object id to the user names it may use. */
  readonly #assignments = new Map<string, ReadonlySet<string>>();
  readonly #grants = new Map<string, Grant>();
  /** Hashes of revoked tokens, each until the token expires. */
  readonly #revoked = new Map<string, () => void>();
  #refusedFromMs = Infinity;

  constructor(issuer: TokenIssuer, redis: RedisServer) {
    this.#issuer = issuer;
    this.#redis = redis;
  }

  /** Azure Cache for Redis lets an assignment name an alias; the object id stays valid. */
  assign(objectId: string, alias?: string): void {
    this.#assignments.set(objectId, new Set(alias === undefined ? [objectId] : [objectId, alias]));
  }

  async unassign(objectId: string): Promise<void> {
    this.#assignments.delete(objectId);
    await this.#withdraw((grant) => grant.objectId === objectId);
  }

  async revoke(token: string): Promise<void> {
    const tokenHash = hashOf(token);
    const verified = await this.#verify(token);
    if (verified === undefined || this.#revoked.has(tokenHash)) return;
    const forget = (): void => void this.#revoked.delete(tokenHash);
    this.#revoked.set(tokenHash, atTime(verified.expiresAtMs, forget));
    await this.#withdraw((grant) => grant.tokenHash === tokenHash);
  }

  refuseTokensFrom(issuedAtMs: number): void {
    this.#refusedFromMs = issuedAtMs;
  }

  /**
   * When this has resolved, redis itself gives the right answer to the AUTH in question.
   * Rejects while redis is down.
   */
  async check(username: string | undefined, token: string): Promise<Verdict> {
    const tokenHash = hashOf(token);
    const verified = await this.#verify(token);
    const permitted = (): boolean =>
      username !== undefined &&
      verified !== undefined &&
      !this.#revoked.has(tokenHash) &&
      verified.issuedAtMs < this.#refusedFromMs &&
      this.#assignments.get(verified.objectId)?.has(username) === true;

    if (permitted() && username !== undefined && verified !== undefined) {
      await this.#grant(username, tokenHash, verified);
      // It may have been revoked or unassigned meanwhile.
      if (permitted()) return { accepted: true, tokenExpiresAtMs: verified.expiresAtMs };
    }
    await this.#withdraw((grant) => grant.tokenHash === tokenHash && grant.username === username);
    return { accepted: false };
  }

  stop(): void {
    for (const { cancelExpiry } of this.#grants.values()) cancelExpiry();
    for (const cancel of this.#revoked.values()) cancel();
    this.#grants.clear();
    this.#revoked.clear();
  }

  async #verify(token: string): Promise<VerifiedToken | undefined> {
    return this.#issuer.verify(token, { audience: redisAudiences }).catch(() => undefined);
  }

  /**
   * Adds a password and nothing else changes, so live connections of the user stay (deleting a user would
   * end them: https://redis.io/docs/latest/commands/acl-deluser/). Sent every time, for redis may have been
   * restarted. By its hash, so that the token shows up in no log of redis's.
   */
  async #grant(username: string, tokenHash: string, { objectId, expiresAtMs }: VerifiedToken): Promise<void> {
    const key = `${username}\n${tokenHash}`;
    await this.#redis.admin('ACL', 'SETUSER', username, 'on', '~*', '&*', '+@all', `#${tokenHash}`);
    this.#grants.get(key)?.cancelExpiry();
    const cancelExpiry = atTime(expiresAtMs, () => {
      // Redis being down is no failure here: it has forgotten the password too.
      this.#withdraw((grant) => grant.tokenHash === tokenHash && grant.username === username).catch(() => {});
    });
    this.#grants.set(key, { username, tokenHash, objectId, cancelExpiry });
  }

  async #withdraw(concerned: (grant: Grant) => boolean): Promise<void> {
    const removals: Promise<unknown>[] = [];
    for (const [key, grant] of this.#grants) {
      if (!concerned(grant)) continue;
      this.#grants.delete(key);
      grant.cancelExpiry();
      const { username, tokenHash } = grant;
      // Fails if redis lost the password in a restart, or is down.
      removals.push(this.#redis.admin('ACL', 'SETUSER', username, `!${tokenHash}`).catch(() => {}));
    }
    await Promise.all(removals);
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
