// Microsoft Graph, as far as app registrations need it, by `az rest`: az signs in, and knows the cloud.

import { setTimeout as delay } from 'node:timers/promises';
import { whyAzFailed, type Az } from '../az.ts';

export interface AppRole {
  readonly id: string;
  readonly value: string;
}

/** https://learn.microsoft.com/graph/api/resources/application */
export interface Application {
  readonly id: string;
  readonly appId: string;
  readonly identifierUris: readonly string[];
  readonly appRoles: readonly AppRole[];
  readonly api: {
    readonly requestedAccessTokenVersion: number | null;
    readonly oauth2PermissionScopes?: readonly AppRole[];
    readonly preAuthorizedApplications?: readonly { readonly appId: string }[];
  };
}

/** https://learn.microsoft.com/graph/api/resources/serviceprincipal */
export interface ServicePrincipal {
  readonly id: string;
  readonly appRoleAssignmentRequired: boolean;
}

export interface Assignment {
  readonly principalId: string;
  readonly appRoleId: string;
}

export interface GraphOptions {
  readonly az: Az;
  /** Between attempts: what was made a moment ago is not known everywhere at once. */
  readonly pauseMs?: number;
}

interface Page {
  readonly value: readonly unknown[];
  readonly '@odata.nextLink'?: string;
}

const attempts = 12;

export class Graph {
  readonly #az: Az;
  readonly #pauseMs: number;
  #root: Promise<string> | undefined;

  constructor({ az, pauseMs = 5000 }: GraphOptions) {
    this.#az = az;
    this.#pauseMs = pauseMs;
  }

  /** All pages. */
  async list<T>(path: string): Promise<readonly T[]> {
    const found: unknown[] = [];
    for (let next: string | undefined = await this.#url(path); next !== undefined;) {
      const page = (await this.#az(['rest', '--method', 'get', '--url', next])) as Page;
      found.push(...page.value);
      next = page['@odata.nextLink'];
    }
    return found as readonly T[];
  }

  create<T>(path: string, body: object): Promise<T> {
    return this.#send('post', path, body) as Promise<T>;
  }

  async update(path: string, body: object): Promise<void> {
    await this.#send('patch', path, body);
  }

  /** Again, where what is named is not known yet. */
  async #send(method: 'post' | 'patch', path: string, body: object): Promise<unknown> {
    const call = ['rest', '--method', method, '--url', await this.#url(path), '--body', JSON.stringify(body)];
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#az(call);
      } catch (error) {
        if (attempt === attempts || !/Request_ResourceNotFound/u.test(whyAzFailed(error))) throw error;
        await delay(this.#pauseMs);
      }
    }
  }

  async #url(path: string): Promise<string> {
    this.#root ??= this.#az(['cloud', 'show', '--query', 'endpoints.microsoftGraphResourceId']).then(String);
    return `${(await this.#root).replace(/\/$/u, '')}/v1.0/${path}`;
  }
}
