// Finds the replies of one connection that contain addresses of nodes, and has them announce the fronts' instead.
// Used by the connections of a cluster's fronts. Redis answers in the order of the commands.

import { announceInError, announceInReply, type AnnouncedPorts } from './addresses.ts';
import type { Piece } from './resp-commands.ts';
import { ReplySplitter, tokensOf } from './resp-replies.ts';

type Expected =
  /** So many commands with one reply each. */
  | { readonly kind: 'ordinary'; count: number }
  | { readonly kind: 'addresses' }
  /** A confirmation for each channel: `left`, or as many as are subscribed if it names none. */
  | { readonly kind: 'subscription'; readonly name: string; left: number | undefined };

const subscriptions = ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE'];
const unsubscriptions = ['UNSUBSCRIBE', 'PUNSUBSCRIBE', 'SUNSUBSCRIBE'];
const matchedSubscriptions = new Set(
  [...subscriptions, ...unsubscriptions].map((name) => name.toLowerCase()),
);
/** What RESP2 sends unasked while something is subscribed; PING's reply then begins with `pong`. */
const messages = new Set(['message', 'pmessage', 'smessage']);
/** To these there is no single reply, and nothing of a cluster client's comes after them. */
const unanswerable = new Set(['MONITOR', 'SYNC', 'PSYNC']);

/** The commands of which `sent` must be told by name. */
export const matchedCommands = ['CLUSTER', 'CLIENT', ...unanswerable, ...subscriptions, ...unsubscriptions];

export class AddressRewriter {
  readonly #ports: AnnouncedPorts;
  readonly #expected: Expected[] = [];
  /** By kind: `subscribe`, `psubscribe`, `ssubscribe`. */
  readonly #channels = new Map<string, Set<string>>();
  /** Whether confirmations come as arrays: in RESP2. */
  #inArrays = false;
  readonly #splitter = new ReplySplitter({
    begin: (type) => this.#wants(type),
    end: (type, reply) => this.#onReply(type, reply),
  });

  constructor(ports: AnnouncedPorts) {
    this.#ports = ports;
  }

  /** Must be told of all bytes that go to Redis, before the answer can come. */
  sent({ command, completed }: Piece): void {
    if (command === undefined) return this.#expectOrdinary(completed);
    const [name = '', second = ''] = command.slice(0, 2).map((word) => word.toString('latin1').toUpperCase());
    if (subscriptions.includes(name) || unsubscriptions.includes(name)) {
      const left = command.length - 1;
      const all = left === 0 && unsubscriptions.includes(name);
      // Without a channel SUBSCRIBE is an error, which is one reply.
      this.#expected.push({ kind: 'subscription', name: name.toLowerCase(), left: all ? undefined : left });
    } else if (name === 'CLUSTER' && ['SLOTS', 'SHARDS', 'NODES'].includes(second)) {
      this.#expected.push({ kind: 'addresses' });
    } else if (unanswerable.has(name) || (name === 'CLIENT' && second === 'REPLY')) {
      this.#splitter.giveUp();
    } else {
      this.#expectOrdinary(1);
    }
  }

  rewrite(chunk: Buffer): Buffer[] {
    return this.#splitter.push(chunk);
  }

  #expectOrdinary(count: number): void {
    const last = this.#expected.at(-1);
    if (last?.kind === 'ordinary') last.count += count;
    else if (count > 0) this.#expected.push({ kind: 'ordinary', count });
  }

  #wants(type: string): boolean {
    const kind = this.#expected[0]?.kind;
    if (type === '-' || kind === 'subscription') return true;
    if (type === '>') return this.#subscribed;
    return kind === 'addresses' || (type === '*' && this.#inArrays && this.#subscribed);
  }

  #onReply(type: string, reply: Buffer | undefined): Buffer {
    const next = this.#expected[0];
    if (reply === undefined) {
      if (type !== '>') this.#consume();
      return Buffer.alloc(0);
    }
    if (type === '-') {
      this.#consume();
      return announceInError(reply, this.#ports);
    }
    const [, name, channel] = tokensOf(reply);
    const isConfirmation = this.#noteConfirmation(type, name?.text ?? '', channel?.text ?? '');
    if (next?.kind === 'subscription') {
      if (isConfirmation && name?.text === next.name) this.#onConfirmation(next);
      else if (type === '+') this.#consume(); // QUEUED, in a transaction.
      return reply;
    }
    if (type === '>' || isConfirmation) return reply;
    if (type === '*' && this.#inArrays && this.#subscribed && messages.has(name?.text ?? '')) return reply;
    this.#consume();
    return next?.kind === 'addresses' ? announceInReply(reply, this.#ports) : reply;
  }

  get #subscribed(): boolean {
    return [...this.#channels.values()].some((channels) => channels.size > 0);
  }

  /** Keeps count of what is subscribed; true if the reply is about that. */
  #noteConfirmation(type: string, name: string, channel: string): boolean {
    if (type === '+' || !matchedSubscriptions.has(name)) return false;
    const kind = name.replace('un', '');
    const channels = this.#channels.get(kind) ?? new Set();
    this.#channels.set(kind, channels);
    if (name === kind) channels.add(channel);
    else channels.delete(channel);
    this.#inArrays = type === '*';
    return true;
  }

  #onConfirmation(next: Expected & { readonly kind: 'subscription' }): void {
    if (next.left !== undefined) next.left -= 1;
    const isLast =
      next.left === undefined ? this.#channels.get(next.name.replace('un', ''))?.size === 0 : next.left === 0;
    if (isLast) this.#expected.shift();
  }

  /** A command has got its reply. */
  #consume(): void {
    const next = this.#expected[0];
    if (next?.kind === 'ordinary' && next.count > 1) next.count -= 1;
    else this.#expected.shift();
  }
}
