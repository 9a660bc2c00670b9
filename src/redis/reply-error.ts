// The error replies of Redis, parsed once, where they come in, into an error with a type.

import { ErrorReply } from 'redis';
import { AppError, describe, type ErrorCode } from '../util/errors.ts';
import type { RefusalCause } from '../telemetry/events.ts';

/** What Redis said instead of an answer. */
export type Reply =
  | { readonly kind: 'wrong-type' }
  /** NOAUTH, WRONGPASS. */
  | { readonly kind: 'not-authenticated' }
  /** The slot is held by another node, for good (`moved`) or for this key (`ask`). */
  | { readonly kind: 'moved' | 'ask'; readonly slot: number; readonly address: string }
  /** The keys of the command are on two nodes while their slot moves. */
  | { readonly kind: 'try-again' }
  | { readonly kind: 'refused'; readonly cause: RefusalCause };

/** Redis answered with an error. */
export class ReplyError extends AppError {
  readonly reply: Reply;

  constructor(reply: Reply, cause: ErrorReply) {
    super(codeOf(reply), messageOf(reply, cause), { cause });
    this.reply = reply;
  }
}

/** What is refused as long as a cause lasts: `some`, certain commands or keys. */
export type RefusalScope = 'writes' | 'all' | 'some';

const scopes: Readonly<Record<RefusalCause, RefusalScope>> = {
  'out-of-memory': 'writes',
  'read-only': 'writes',
  'too-few-replicas': 'writes',
  'cannot-persist': 'writes',
  'busy-script': 'all',
  loading: 'all',
  'primary-down': 'all',
  'too-many-clients': 'all',
  // A slot that no node serves is one of many.
  'cluster-down': 'some',
  'no-permission': 'some',
  'unknown-command': 'some',
  other: 'some',
};

/** Somebody has to change something; every other cause ends by itself. */
const lasting: ReadonlySet<RefusalCause> = new Set(['no-permission', 'unknown-command', 'other']);

// The first words of an error (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors): all that
// Redis 7 and 8 have in server.c, acl.c, script.c and cluster.c, but for those of commands that are never sent here.
const refusalPrefixes: readonly (readonly [prefix: string, cause: RefusalCause])[] = [
  ['OOM', 'out-of-memory'],
  ['NOPERM', 'no-permission'],
  // In a script the same has no code of its own.
  ['ERR The user executing the script', 'no-permission'],
  ['READONLY', 'read-only'],
  ['NOREPLICAS', 'too-few-replicas'],
  ['MISCONF', 'cannot-persist'],
  // Not BUSYKEY and BUSYGROUP, which concern one key.
  ['BUSY ', 'busy-script'],
  ['LOADING', 'loading'],
  ['MASTERDOWN', 'primary-down'],
  ['CLUSTERDOWN', 'cluster-down'],
  ['ERR max number of clients', 'too-many-clients'],
  ['ERR unknown command', 'unknown-command'],
  ['ERR This Redis command is not allowed', 'unknown-command'],
];

/** An error reply as a `ReplyError`; anything else as it is. */
export function withParsedReply(error: unknown): unknown {
  return error instanceof ErrorReply ? new ReplyError(parse(error.message), error) : error;
}

/** Why Redis refused; undefined where it did not refuse, or did not answer. */
export function refusalCause(error: unknown): RefusalCause | undefined {
  return error instanceof ReplyError && error.reply.kind === 'refused' ? error.reply.cause : undefined;
}

export function refusalScope(cause: RefusalCause): RefusalScope {
  return scopes[cause];
}

function parse(message: string): Reply {
  const text = withoutScript(message);
  if (text.startsWith('WRONGTYPE')) return { kind: 'wrong-type' };
  if (/^(?:NOAUTH|WRONGPASS)/u.test(text)) return { kind: 'not-authenticated' };
  if (text.startsWith('TRYAGAIN')) return { kind: 'try-again' };
  const redirect = /^(?<kind>MOVED|ASK) (?<slot>\d+) (?<address>\S+)$/u.exec(text)?.groups;
  if (redirect !== undefined) {
    const { kind, slot, address = '' } = redirect;
    return { kind: kind === 'MOVED' ? 'moved' : 'ask', slot: Number(slot), address };
  }
  const cause = refusalPrefixes.find(([prefix]) => text.startsWith(prefix))?.[1] ?? 'other';
  return { kind: 'refused', cause };
}

/**
 * Redis 7 hands on what a command in a script was answered as it is. Redis 6, Azure's classic one, puts
 * "ERR Error running script (call to f_<sha1>): @user_script:1: @user_script: 1: -" before it.
 */
function withoutScript(message: string): string {
  const [, inner] =
    /^ERR Error running script \(call to \w+\): (?:@\w+: ?\d+: )*-?(.*)$/su.exec(message) ?? [];
  if (inner === undefined) return message;
  return inner.startsWith('The user executing the script') ? `ERR ${inner}` : inner;
}

function codeOf(reply: Reply): ErrorCode {
  if (reply.kind === 'wrong-type') return 'wrong-type';
  if (reply.kind === 'not-authenticated') return 'redis-rejected-identity';
  return reply.kind === 'refused' && lasting.has(reply.cause) ? 'command-failed' : 'redis-unavailable';
}

function messageOf(reply: Reply, cause: ErrorReply): string {
  const code = codeOf(reply);
  if (code === 'wrong-type') return 'The key holds a Redis type other than a string.';
  if (code === 'redis-rejected-identity') return `Redis rejected the identity: ${describe(cause)}`;
  if (code === 'command-failed') return `Redis refused the command: ${describe(cause)}`;
  return `Redis cannot serve now: ${describe(cause)}`;
}
