import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { mendReplyQueue } from '../../../src/redis/reply-queue.ts';

const require = createRequire(import.meta.url);
const path = '@redis/client/dist/lib/client/linked-list.js';

interface Node {
  readonly next: Node | undefined;
}
interface Queue {
  readonly head: Node | undefined;
  readonly length: number;
  push(value: unknown): Node;
  readonly shift: () => unknown;
}

/** The module as it is when it is first loaded. */
function loadAgain(): Record<'SinglyLinkedList' | 'EmptyAwareSinglyLinkedList', new () => Queue> {
  // oxlint-disable-next-line typescript/no-dynamic-delete -- the only way to load a module again.
  delete require.cache[require.resolve(path)];
  return require(path) as ReturnType<typeof loadAgain>;
}

it('an answered command does not keep those after it', () => {
  const { EmptyAwareSinglyLinkedList: Replies } = loadAgain();
  expect(mendReplyQueue()).toBe(true);
  const queue = new Replies();
  const nodes = [1, 2, 3].map((value) => queue.push(value));
  expect(queue.shift()).toBe(1);
  expect(nodes[0]?.next).toBeUndefined();
  expect(queue.head).toBe(nodes[1]);
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([2, 3, undefined]);
  expect(queue.length).toBe(0);
  queue.push(4);
  expect(queue.shift()).toBe(4);
});

it('is mended once', () => {
  const { SinglyLinkedList } = loadAgain();
  expect(mendReplyQueue()).toBe(true);
  const { shift } = SinglyLinkedList.prototype as Queue;
  expect(mendReplyQueue()).toBe(false);
  expect((SinglyLinkedList.prototype as Queue).shift).toBe(shift);
});

it('does nothing where node-redis is not to be found', () => {
  expect(mendReplyQueue(createRequire('/nowhere/app.js'))).toBe(false);
});
