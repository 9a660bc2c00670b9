// Notices which commands one Redis server refuses, and when it accepts them again; tells the first of each.
// Changes no command and no answer.

import { ErrorReply } from 'redis';
import type { Clock } from '../clock.ts';
import { describe } from '../errors.ts';
import type { Emit, RefusalCause } from '../telemetry/events.ts';
import type { RedisClient } from './connection.ts';
import { refusalCause, refusalScope } from './failures.ts';

type Argument = string | Buffer;
type Send = (args: readonly Argument[], options?: unknown) => Promise<unknown>;

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
  readonly #watched = new WeakSet<RedisClient>();
  readonly #refused = new Map<RefusalCause, Refused>();

  constructor({ clock, emit, address }: RefusalsOptions) {
    this.#clock = clock;
    this.#emit = emit;
    this.#address = address;
  }

  /** The client itself, watched from now on: every command goes through its `sendCommand`. */
  watch(client: RedisClient): RedisClient {
    if (this.#watched.has(client)) return client;
    this.#watched.add(client);
    const send = client.sendCommand as Send;
    const follow = (args: readonly Argument[], reply: Promise<unknown>): void => {
      reply.then(
        () => this.#accepted(args, (command) => send.call(client, command)),
        (error: unknown) => this.#failed(args, error),
      );
    };
    const watched: Send = function (this: RedisClient, args, options) {
      const reply = send.call(this, args, options);
      follow(args, reply);
      return reply;
    };
    client.sendCommand = watched as typeof client.sendCommand;
    return client;
  }

  #failed(args: readonly Argument[], error: unknown): void {
    const command = nameOf(args);
    const cause = refusalCause(error);
    if (cause === undefined || ofAuthentication.includes(command)) return;
    const nowMs = this.#clock.nowMs();
    let refused = this.#refused.get(cause);
    if (refused === undefined || nowMs - refused.lastAtMs > forgottenAfterMs) {
      refused?.cancelEnd?.();
      refused = { sinceMs: nowMs, lastAtMs: nowMs, count: 0, kinds: new Set(), cancelEnd: undefined };
      this.#refused.set(cause, refused);
      const reason = describe(error).slice(0, maxReasonLength);
      this.#emit({ type: 'commandRefused', cause, command, reason, address: this.#address });
    }
    refused.count += 1;
    refused.lastAtMs = nowMs;
    refused.cancelEnd?.();
    refused.cancelEnd = undefined;
    if (refused.kinds.size < maxKinds) refused.kinds.add(kindOf(args, cause));
  }

  #accepted(args: readonly Argument[], send: Send): void {
    if (this.#refused.size === 0) return;
    const nowMs = this.#clock.nowMs();
    for (const [cause, refused] of this.#refused) {
      if (refused.cancelEnd !== undefined || !refused.kinds.has(kindOf(args, cause))) continue;
      const waitMs = refused.lastAtMs + quietMs - nowMs;
      refused.cancelEnd = this.#clock.after(waitMs, () => void this.#end(cause, refused, args, nowMs, send));
    }
  }

  async #end(
    cause: RefusalCause,
    refused: Refused,
    args: readonly Argument[],
    acceptedAtMs: number,
    send: Send,
  ): Promise<void> {
    const { count } = refused;
    // A script that wrote the last time may have come to nothing that writes this time.
    const isOver = refusalScope(cause) !== 'writes' || (await mayWriteBeside(args, send));
    if (this.#refused.get(cause) !== refused || refused.count !== count) return;
    refused.cancelEnd = undefined;
    if (!isOver) return;
    this.#refused.delete(cause);
    const refusedMs = acceptedAtMs - refused.sinceMs;
    const told = { cause, command: nameOf(args), refusedMs, refusals: count, address: this.#address };
    this.#emit({ type: 'commandAccepted', ...told });
  }
}

/**
 * Whether a write of the app's own, in the slot of what was just written, is taken. What says nothing of that, such as
 * a missing right to this one key, speaks for the command that succeeded.
 */
async function mayWriteBeside(args: readonly Argument[], send: Send): Promise<boolean> {
  const key = keyOf(args);
  const tag = /^[^{}]+$/u.exec(key)?.[0] ?? /^[^{}]*\{([^{}]+)\}[^{}]*$/u.exec(key)?.[1];
  if (tag === undefined) return true;
  try {
    await send(['SET', `redis-entra-functions:\u001Fwrite-trial:{${tag}}`, '', 'PX', '1000']);
    return true;
  } catch (error) {
    if (!(error instanceof ErrorReply)) return false;
    const cause = refusalCause(error);
    return cause === undefined || refusalScope(cause) !== 'writes';
  }
}

/** Commands of one kind are refused or accepted together. */
function kindOf(args: readonly Argument[], cause: RefusalCause): string {
  const command = isScript(args) ? `${nameOf(args)} ${String(args[1])}` : nameOf(args);
  return refusalScope(cause) === 'some' ? `${command}\n${keyOf(args)}` : command;
}

function nameOf([name = '']: readonly Argument[]): string {
  return String(name).toUpperCase();
}

function isScript(args: readonly Argument[]): boolean {
  return nameOf(args).startsWith('EVAL');
}

/** The first key, or the channel. */
function keyOf(args: readonly Argument[]): string {
  return String(args[isScript(args) ? 3 : 1] ?? '');
}
