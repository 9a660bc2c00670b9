// Notices which commands a Redis server refuses, and when it accepts them again; one event for each begin and end.

import type { RedisArgument } from 'redis';
import type { Clock } from '../util/clock.ts';
import { describe } from '../util/errors.ts';
import type { Emit, RefusalCause } from '../telemetry/events.ts';
import type { CommandObserver, Send } from './command-replies.ts';
import { ownName } from './own-name.ts';
import { refusalCause, refusalScope, ReplyError, withParsedReply } from './reply-error.ts';

interface Command {
  readonly name: string;
  /** Of an EVAL. */
  readonly script: string;
  /** The first key, or the channel. */
  readonly key: string;
}

/** The command that shows that a refusal may be over. */
interface Accepted {
  readonly command: Command;
  readonly atMs: number;
  readonly send: Send;
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

// At the edge of its memory a server refuses and accepts in turn: that is one refusal, which ends after a quiet second.
const quietMs = 1000;
// What was refused may never be asked for again.
const forgottenAfterMs = 600_000;
const maxKinds = 32;
const maxReasonLength = 300;
// They carry a token, and have events of their own.
const ofAuthentication = ['AUTH', 'HELLO'];

export class Refusals implements CommandObserver {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #address: string;
  readonly #refused = new Map<RefusalCause, Refused>();

  constructor({ clock, emit, address }: RefusalsOptions) {
    this.#clock = clock;
    this.#emit = emit;
    this.#address = address;
  }

  onError(args: readonly RedisArgument[], error: ReplyError): void {
    const command = commandOf(args);
    const cause = refusalCause(error);
    if (cause === undefined || ofAuthentication.includes(command.name)) return;
    const nowMs = this.#clock.nowMs();
    let refused = this.#refused.get(cause);
    if (refused === undefined || nowMs - refused.lastAtMs > forgottenAfterMs) {
      refused?.cancelEnd?.();
      refused = { sinceMs: nowMs, lastAtMs: nowMs, count: 0, kinds: new Set(), cancelEnd: undefined };
      this.#refused.set(cause, refused);
      const reason = describe(error.cause).slice(0, maxReasonLength);
      this.#emit({ type: 'commandRefused', cause, command: command.name, reason, address: this.#address });
    }
    refused.count += 1;
    refused.lastAtMs = nowMs;
    refused.cancelEnd?.();
    refused.cancelEnd = undefined;
    if (refused.kinds.size < maxKinds) refused.kinds.add(kindOf(command, cause));
  }

  onAccepted(args: readonly RedisArgument[], send: Send): void {
    if (this.#refused.size === 0) return;
    const command = commandOf(args);
    const nowMs = this.#clock.nowMs();
    for (const [cause, refused] of this.#refused) {
      if (refused.cancelEnd !== undefined || !refused.kinds.has(kindOf(command, cause))) continue;
      const waitMs = refused.lastAtMs + quietMs - nowMs;
      refused.cancelEnd = this.#clock.after(waitMs, () => {
        void this.#end(cause, refused, { command, atMs: nowMs, send });
      });
    }
  }

  async #end(cause: RefusalCause, refused: Refused, accepted: Accepted): Promise<void> {
    const { count } = refused;
    // A script that wrote when it was refused may have had nothing to write when it was accepted.
    const isOver = refusalScope(cause) !== 'writes' || (await acceptsWrites(accepted));
    if (this.#refused.get(cause) !== refused || refused.count !== count) return;
    refused.cancelEnd = undefined;
    if (!isOver) return;
    this.#refused.delete(cause);
    this.#emit({
      type: 'commandAccepted',
      cause,
      command: accepted.command.name,
      refusedMs: accepted.atMs - refused.sinceMs,
      refusals: count,
      address: this.#address,
    });
  }
}

/**
 * Whether a write of the app's own, in the slot of what was just accepted, is accepted too. An error that says nothing
 * of writes, such as a missing right to this one key, leaves it at what was accepted.
 */
async function acceptsWrites({ command: { key }, send }: Accepted): Promise<boolean> {
  const tag = /^[^{}]+$/u.exec(key)?.[0] ?? /^[^{}]*\{([^{}]+)\}[^{}]*$/u.exec(key)?.[1];
  if (tag === undefined) return true;
  try {
    await send(['SET', ownName('redis-entra-functions', `write-trial:{${tag}}`), '', 'PX', '1000']);
    return true;
  } catch (thrown) {
    const error = withParsedReply(thrown);
    if (!(error instanceof ReplyError)) return false;
    const cause = refusalCause(error);
    return cause === undefined || refusalScope(cause) !== 'writes';
  }
}

/** Commands of one kind are refused or accepted together. */
function kindOf({ name, script, key }: Command, cause: RefusalCause): string {
  return JSON.stringify(refusalScope(cause) === 'some' ? [name, script, key] : [name, script]);
}

function commandOf([name, first, , firstKey]: readonly RedisArgument[]): Command {
  if (name === 'EVAL') return { name, script: String(first), key: String(firstKey ?? '') };
  return { name: String(name).toUpperCase(), script: '', key: String(first) };
}
