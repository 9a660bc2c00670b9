import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressRewriter } from '../../local/entra-front/reply-matching.ts';
import { ReplySplitter } from '../../local/entra-front/resp-replies.ts';

const line = fc.string({ unit: 'grapheme-ascii', maxLength: 40 }).filter((text) => !/[\r\n]/u.test(text));
const bulk = (bytes: Uint8Array | string, type = '$'): Buffer =>
  Buffer.concat([
    Buffer.from(`${type}${Buffer.from(bytes as string).length}\r\n`),
    Buffer.from(bytes as string),
    Buffer.from('\r\n'),
  ]);
const aggregate = (type: string, children: readonly Buffer[], perItem = 1): Buffer =>
  Buffer.concat([Buffer.from(`${type}${children.length / perItem}\r\n`), ...children]);

/** Any value of RESP2 or RESP3, as bytes. */
const { value } = fc.letrec<{ value: Buffer; leaf: Buffer; children: Buffer[] }>((tie) => ({
  leaf: fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => bulk(bytes)),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => bulk(bytes, '!')),
    line.map((text) => bulk(`txt:${text}`, '=')),
    line.map((text) => Buffer.from(`+${text}\r\n`)),
    fc.maxSafeInteger().map((number) => Buffer.from(`:${number}\r\n`)),
    fc.double().map((number) => Buffer.from(`,${number}\r\n`)),
    fc.bigInt().map((number) => Buffer.from(`(${number}\r\n`)),
    fc
      .constantFrom('_\r\n', '#t\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n', '%0\r\n')
      .map((text) => Buffer.from(text)),
  ),
  children: fc.array(tie('value'), { maxLength: 6 }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    tie('children').map((children) => aggregate('*', children)),
    tie('children').map((children) => aggregate('~', children)),
    tie('children').map((children) => aggregate('%', [...children, ...children], 2)),
    fc
      .tuple(tie('children'), tie('leaf'))
      .map(([children, leaf]) => Buffer.concat([aggregate('|', [...children, ...children], 2), leaf])),
  ),
}));
const cuts = fc.array(fc.nat(), { maxLength: 40 });

/** Cuts `bytes` at the given places. */
function chunks(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe('the RESP reply splitter', () => {
  it('shows the wanted replies whole, counts all and passes every byte on, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.boolean())), cuts, (sent, places) => {
        const seen: (Buffer | undefined)[] = [];
        let begun = 0;
        const splitter = new ReplySplitter({
          begin: () => sent[begun++]?.[1] === true,
          end: (_type, reply) => {
            seen.push(reply);
            return reply ?? Buffer.alloc(0);
          },
        });
        const stream = Buffer.concat(sent.map(([bytes]) => bytes));
        const passed = Buffer.concat(chunks(stream, places).flatMap((chunk) => splitter.push(chunk)));
        expect(passed.equals(stream)).toBe(true);
        expect(seen).toEqual(sent.map(([bytes, wanted]) => (wanted ? bytes : undefined)));
      }),
    );
  });

  it('passes on what is no RESP at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), cuts, (noise, places) => {
        const stream = Buffer.from(noise);
        const splitter = new ReplySplitter({ begin: () => false, end: () => Buffer.alloc(0) });
        const passed = chunks(stream, places).flatMap((chunk) => splitter.push(chunk));
        expect(Buffer.concat(passed).equals(stream)).toBe(true);
      }),
    );
  });
});

const nodePort = 7001;
const frontPort = 45_001;
const nodesText = (port: number): string =>
  `0a1b 127.0.0.1:${port}@17001,host myself,master - 0 0 1 connected 0-5460 [5-<-ffff]\n` +
  `2c3d 127.0.0.1:9@19 slave 0a1b 0 0 1 connected\n`;
/** Slot numbers that look like the node's port are not to be changed. */
const slots = (port: number): Buffer => {
  const owner = [bulk('127.0.0.1'), Buffer.from(`:${port}\r\n`), bulk('0a1b'), aggregate('*', [])];
  const range = [Buffer.from(':0\r\n'), Buffer.from(`:${nodePort}\r\n`), aggregate('*', owner)];
  return aggregate('*', [aggregate('*', range)]);
};
const shards = (map: '*' | '%', port: number): Buffer => {
  const perItem = map === '%' ? 2 : 1;
  const node = [
    bulk('id'),
    bulk('0a1b'),
    bulk('port'),
    Buffer.from(`:${port}\r\n`),
    bulk('ip'),
    bulk('127.0.0.1'),
  ];
  const offset = [bulk('replication-offset'), Buffer.from(`:${nodePort}\r\n`)];
  const range = aggregate('*', [Buffer.from(':0\r\n'), Buffer.from(`:${nodePort}\r\n`)]);
  const nodes = aggregate('*', [aggregate(map, [...node, ...offset], perItem)]);
  return aggregate('*', [aggregate(map, [bulk('slots'), range, bulk('nodes'), nodes], perItem)]);
};
const words = (...text: string[]): Buffer =>
  aggregate(
    '*',
    text.map((word) => bulk(word)),
  );

/** What the client sends (if it sends anything), what Redis says, and what the client must see. */
interface Exchange {
  readonly command?: string;
  readonly replies: readonly Buffer[];
  readonly expected?: readonly Buffer[];
}

const rewritten: Exchange[] = [
  { command: 'CLUSTER SLOTS', replies: [slots(nodePort)], expected: [slots(frontPort)] },
  { command: 'cluster shards', replies: [shards('*', nodePort)], expected: [shards('*', frontPort)] },
  { command: 'CLUSTER SHARDS', replies: [shards('%', nodePort)], expected: [shards('%', frontPort)] },
  { command: 'CLUSTER NODES', replies: [bulk(nodesText(nodePort))], expected: [bulk(nodesText(frontPort))] },
  {
    command: 'CLUSTER NODES',
    replies: [bulk(`txt:${nodesText(nodePort)}`, '=')],
    expected: [bulk(`txt:${nodesText(frontPort)}`, '=')],
  },
  ...['MOVED', 'ASK'].map((kind) => ({
    command: 'GET key',
    replies: [Buffer.from(`-${kind} 5 127.0.0.1:${nodePort}\r\n`)],
    expected: [Buffer.from(`-${kind} 5 127.0.0.1:${frontPort}\r\n`)],
  })),
];
const untouched: Exchange[] = [
  { command: 'GET nodes', replies: [bulk(nodesText(nodePort))] },
  { command: 'LRANGE slots 0 -1', replies: [slots(nodePort)] },
  { command: 'GET moved', replies: [bulk(`-MOVED 5 127.0.0.1:${nodePort}\r\n`)] },
  { command: 'CLUSTER INFO', replies: [bulk('cluster_state:ok')] },
  { command: 'CLUSTER SLOTS', replies: [Buffer.from('-NOAUTH Authentication required.\r\n')] },
  { command: 'AUTH user token', replies: [Buffer.from('+OK\r\n')] },
];
const push = (...parts: Buffer[]): Buffer => aggregate('>', parts);
const confirmation = (kind: string, channel: Buffer, count: number): Buffer =>
  push(bulk(kind), channel, Buffer.from(`:${count}\r\n`));
const pubSub: Exchange[] = [
  { replies: [push(bulk('message'), bulk('a'), bulk(nodesText(nodePort)))] },
  { replies: [push(bulk('invalidate'), aggregate('*', [bulk('key')]))] },
  // The server's own, when the slot of a sharded channel moves away.
  { replies: [confirmation('sunsubscribe', bulk('s'), 0)] },
  {
    command: 'SUBSCRIBE a b',
    replies: [confirmation('subscribe', bulk('a'), 1), confirmation('subscribe', bulk('b'), 2)],
  },
  { command: 'SSUBSCRIBE s', replies: [confirmation('ssubscribe', bulk('s'), 1)] },
  {
    command: 'SSUBSCRIBE elsewhere',
    replies: [Buffer.from(`-MOVED 5 127.0.0.1:${nodePort}\r\n`)],
    expected: [Buffer.from(`-MOVED 5 127.0.0.1:${frontPort}\r\n`)],
  },
  { command: 'SUNSUBSCRIBE s', replies: [confirmation('sunsubscribe', bulk('s'), 0)] },
  { command: 'PUNSUBSCRIBE', replies: [confirmation('punsubscribe', Buffer.from('_\r\n'), 0)] },
  { command: 'SUBSCRIBE', replies: [Buffer.from('-ERR wrong number of arguments\r\n')] },
];

/** Runs a conversation: all commands are sent before the first reply, as a pipelining client may. */
function converse(exchanges: readonly Exchange[], places: readonly number[]): Buffer {
  const rewriter = new AddressRewriter(new Map([[nodePort, frontPort]]));
  for (const { command } of exchanges) {
    if (command === undefined) continue;
    const parts = command.split(' ').map((word) => Buffer.from(word));
    const named = !/^(?:get|lrange|auth)$/iu.test(String(parts[0]));
    rewriter.sent({ bytes: Buffer.alloc(0), completed: 1, ...(named && { command: parts }) });
  }
  const stream = Buffer.concat(exchanges.flatMap(({ replies }) => replies));
  return Buffer.concat(chunks(stream, places).flatMap((chunk) => rewriter.rewrite(chunk)));
}

const bytesExpected = (exchanges: readonly Exchange[]): Buffer =>
  Buffer.concat(exchanges.flatMap(({ replies, expected }) => expected ?? replies));

describe('the addresses in replies', () => {
  it('are changed in what answers CLUSTER SLOTS, SHARDS and NODES, in MOVED and ASK, and nowhere else', () => {
    const exchanges = fc.array(fc.constantFrom(...rewritten, ...untouched, ...pubSub), { maxLength: 20 });
    fc.assert(
      fc.property(exchanges, cuts, (conversation, places) => {
        expect(converse(conversation, places).toString()).toBe(bytesExpected(conversation).toString());
      }),
    );
  });

  it('are found after SUNSUBSCRIBE without names, though Redis has ended a subscription by itself', () => {
    const all: Exchange[] = [
      {
        command: 'SSUBSCRIBE s t',
        replies: ['s', 't'].map((channel, index) => confirmation('ssubscribe', bulk(channel), index + 1)),
      },
      { replies: [confirmation('sunsubscribe', bulk('s'), 1)] },
      { command: 'GET key', replies: [bulk('value')] },
      { command: 'SUNSUBSCRIBE', replies: [confirmation('sunsubscribe', bulk('t'), 0)] },
      ...rewritten,
    ];
    fc.assert(
      fc.property(cuts, (places) => {
        expect(converse(all, places).toString()).toBe(bytesExpected(all).toString());
      }),
    );
  });

  it('are found again after a RESP2 client has subscribed and unsubscribed', () => {
    const note = (kind: string, channel: string, count: number): Buffer =>
      aggregate('*', [bulk(kind), bulk(channel), Buffer.from(`:${count}\r\n`)]);
    const message: Exchange = { replies: [words('message', 'a', nodesText(nodePort))] };
    const refused: Exchange = {
      command: 'GET key',
      replies: [Buffer.from("-ERR Can't execute 'get'\r\n")],
    };
    const subscribed: Exchange[] = [
      message,
      { command: 'PING', replies: [words('pong', '')] },
      refused,
      { command: 'PSUBSCRIBE p*', replies: [note('psubscribe', 'p*', 2)] },
    ];
    const conversations = fc.tuple(
      fc.array(fc.constantFrom(...rewritten, ...untouched), { maxLength: 5 }),
      fc.array(fc.constantFrom(...subscribed), { maxLength: 5 }),
    );
    fc.assert(
      fc.property(conversations, cuts, ([around, within], places) => {
        const conversation: Exchange[] = [
          ...around,
          { command: 'SUBSCRIBE a', replies: [note('subscribe', 'a', 1)] },
          ...within,
          { command: 'PUNSUBSCRIBE p*', replies: [note('punsubscribe', 'p*', 1)] },
          message,
          { command: 'UNSUBSCRIBE', replies: [note('unsubscribe', 'a', 0)] },
          ...around,
          // An ordinary reply again, though it looks like a message.
          { command: 'LRANGE list 0 -1', replies: [words('message', 'a', 'b')] },
          ...around,
        ];
        expect(converse(conversation, places).toString()).toBe(bytesExpected(conversation).toString());
      }),
      // Messages were once counted as replies, here to both commands.
      { examples: [[[rewritten, [message, message, refused, refused]], []]] },
    );
  });
});
