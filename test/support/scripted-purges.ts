// The order of purges as a test says it is.

import type { Placement, PurgeAnswer, PurgeOrder, PurgeQuestion } from '../../src/cache/purge-order.ts';
import type { HeldOrder } from '../../src/cache/purge-order.ts';

export class ScriptedPurges implements PurgeOrder {
  answer: PurgeAnswer = { place: 5, epoch: 'e1', horizonMs: 1e12, floor: 0, hasLease: true, rules: [] };
  placement: Placement = { kind: 'placed', place: 6, atMs: 0, receivers: 1, leases: [] };
  /** Before each answer. */
  before: () => Promise<void> = async () => {};
  connection: object | undefined = {};
  asked: object | undefined = {};
  readonly questions: PurgeQuestion[] = [];
  readonly restored: HeldOrder[] = [];
  readonly acknowledged: string[] = [];
  announce: (announcement: string) => void = () => {};
  acknowledgeAs: (instance: string) => void = () => {};

  async ask(question: PurgeQuestion): Promise<PurgeAnswer> {
    this.questions.push(question);
    await this.before();
    return this.answer;
  }

  async place(): Promise<Placement> {
    await this.before();
    return this.placement;
  }

  async restore(held: HeldOrder): Promise<void> {
    this.restored.push(held);
    const { known: place, horizonMs, rules } = held;
    this.answer = { ...this.answer, epoch: 'restored', place, horizonMs, rules };
  }

  onAnnouncement(listener: (announcement: string) => void): () => void {
    this.announce = listener;
    return () => {};
  }

  asking(): object | undefined {
    return this.asked;
  }

  hearing(): object | undefined {
    return this.connection;
  }

  onAcknowledgement(_announcement: string, listener: (instance: string) => void) {
    this.acknowledgeAs = listener;
    return { ready: async () => {}, stop() {} };
  }

  async acknowledge(announcement: string): Promise<void> {
    this.acknowledged.push(announcement);
  }
}
