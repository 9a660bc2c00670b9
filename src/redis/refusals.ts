// Notices which commands one Redis server refuses, and when it accepts them again; tells the first of each.
// Changes no command and no answer.

import { ErrorReply } from 'redis';
import type { Clock } from '../util/clock.ts';
import { describe } from '../util/errors.ts';
import type { Emit, RefusalCause } from '../telemetry/events.ts';
import type { RedisClient } from './connection.ts';
import { refusalCause, refusalScope } from './failures.ts';

/** What a method of the client was asked for. */
interface Command {
  /** As Redis has it; `EVAL` for a script. */
  readonly name: string;
  readonly script: string;
  /** The first key, or the channel. */
  readonly key: string;
}

/** From the first command that was refused for a cause to the first that is accepted again. */
interface Refused {
  readonly sinceMs: number;
  lastAtMs: number;
  count: number;
  /** The kinds of command: only what was refused can show that it no longer is. */
  readonly kinds: Set<string>;
  cancelEnd: (() => void) | undefined;
}

export interface RefusalsOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  /** `<host>:<port>` of the server. */
  readonly address: string;
}

// At the edge of its memory a server refuses and accepts in turn: that is one refusal, until it has been quiet.
const quietMs = 1000;
// What was refused may never be asked for again.
const forgottenAfterMs = 600_000;
const maxKinds = 32;
const maxReasonLength = 300;
// They carry a token, and what becomes of them is told by other events.
const ofAuthentication = ['AUTH', 'HELLO'];

export class Refusals {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #address: string;
  readonly #watched = new WeakMap<RedisClient, RedisClient>();
  readonly #refused = new Map<RefusalCause, Refused>();

  constructor({ clock, emit, address }: RefusalsOptions) {
    this.#clock = clock;
    this.#emit = emit;
    this.#address = address;
  }

  /** The same client for whoever uses it; how each of its commands ends is noticed. */
  watch(client: RedisClient): RedisClient {
    let watched = this.#watched.get(client);
    if (watched === undefined) {
      watched = this.#proxy(client);
      this.#watched.set(client, watched);
    }
    return watched;
  }

  #proxy(client: RedisClient): RedisClient {
    return new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || typeof name !== 'string') return value;
        return (...args: unknown[]): unknown => {
          const result: unknown = Reflect.apply(value, target, args);
          if (result instanceof Promise) this.#follow(client, name, args, result);
          // The same connection with other options.
          return name.startsWith('with') ? this.#proxy(result as RedisClient) : result;
        };
      },
    });
  }

  #follow(client: RedisClient, method: string, args: readonly unknown[], reply: Promise<unknown>): void {
    reply.then(
      () => {
        if (this.#refused.size > 0) this.#accepted(commandOf(method, args), client);
      },
      (error: unknown) => this.#failed(commandOf(method, args), error),
    );
  }

  #failed(command: Command, error: unknown): void {
    const cause = refusalCause(error);
    if (cause === undefined || ofAuthentication.includes(command.name)) return;
    const nowMs = this.#clock.nowMs();
    let refused = this.#refused.get(cause);
    if (refused === undefined || nowMs - refused.lastAtMs > forgottenAfterMs) {
      refused?.cancelEnd?.();
      refused = { sinceMs: nowMs, lastAtMs: nowMs, count: 0, kinds: new Set(), cancelEnd: undefined };
      this.#refused.set(cause, refused);
      const reason = describe(error).slice(0, maxReasonLength);
      this.#emit({ type: 'commandRefused', cause, command: command.name, reason, address: this.#address });
    }
    refused.count += 1;
    refused.lastAtMs = nowMs;
    refused.cancelEnd?.();
    refused.cancelEnd = undefined;
    if (refused.kinds.size < maxKinds) refused.kinds.add(kindOf(command, cause));
  }

  #accepted(command: Command, client: RedisClient): void {
    const nowMs = this.#clock.nowMs();
    for (const [cause, refused] of this.#refused) {
      if (refused.cancelEnd !== undefined || !refused.kinds.has(kindOf(command, cause))) continue;
      const waitMs = refused.lastAtMs + quietMs - nowMs;
      refused.cancelEnd = this.#clock.after(
        waitMs,
        () => void this.#end(cause, refused, command, nowMs, client),
      );
    }
  }

  async #end(
    cause: RefusalCause,
    refused: Refused,
    command: Command,
    acceptedAtMs: number,
    client: RedisClient,
  ): Promise<void> {
    const { count } = refused;
    // A script that wrote the last time may have come to nothing that writes this time.
    const isOver = refusalScope(cause) !== 'writes' || (await mayWriteBeside(command, client));
    if (this.#refused.get(cause) !== refused || refused.count !== count) return;
    refused.cancelEnd = undefined;
    if (!isOver) return;
    this.#refused.delete(cause);
    const refusedMs = acceptedAtMs - refused.sinceMs;
    const told = { cause, command: command.name, refusedMs, refusals: count, address: this.#address };
    this.#emit({ type: 'commandAccepted', ...told });
  }
}

/**
 * Whether a write of the app's own, in the slot of what was just written, is taken. What says nothing of that, such as
 * a missing right to this one key, speaks for the command that succeeded.
 */
async function mayWriteBeside({ key }: Command, client: RedisClient): Promise<boolean> {
  const tag = /^[^{}]+$/u.exec(key)?.[0] ?? /^[^{}]*\{([^{}]+)\}[^{}]*$/u.exec(key)?.[1];
  if (tag === undefined) return true;
  try {
    await client.set(`redis-entra-functions:\u001Fwrite-trial:{${tag}}`, '', { PX: 1000 });
    return true;
  } catch (error) {
    if (!(error instanceof ErrorReply)) return false;
    const cause = refusalCause(error);
    return cause === undefined || refusalScope(cause) !== 'writes';
  }
}

/** Commands of one kind are refused or accepted together. */
function kindOf({ name, script, key }: Command, cause: RefusalCause): string {
  return JSON.stringify(refusalScope(cause) === 'some' ? [name, script, key] : [name, script]);
}

function commandOf(method: string, [first, second]: readonly unknown[]): Command {
  if (method === 'sendCommand') {
    const [name, key] = first as readonly unknown[];
    return { name: String(name), script: '', key: String(key) };
  }
  if (method === 'eval') {
    const { keys } = (second ?? {}) as { readonly keys?: readonly (string | Buffer)[] };
    return { name: 'EVAL', script: String(first), key: String(keys?.[0] ?? '') };
  }
  return { name: method.toUpperCase(), script: '', key: String(first) };
}
