// The probes. Redis is scripted: four keys on four nodes, each of which answers reads and writes as a test says.

import { ErrorReply } from 'redis';
import { describe, expect, it } from 'vitest';
import { Token } from '../../../src/auth/token.ts';
import { live, ready } from '../../../src/functions/health.ts';
import { withParsedReply } from '../../../src/redis/reply-error.ts';
import type { CallOptions, RedisClient } from '../../../src/redis/redis.ts';
import { AppError } from '../../../src/util/errors.ts';
import { callHandler, handlerDeps, type Called } from '../../support/call-handler.ts';
import { settle } from '../../support/fake-clock.ts';

type Answer = 'answers' | 'hangs' | Error;

interface Node {
  read: Answer;
  write: Answer;
}

const outage = new AppError('redis-unavailable', 'No connection.', { retryAfterSeconds: 4 });
const readOnly = withParsedReply(
  new ErrorReply("READONLY You can't write against a read only replica."),
) as Error;

function startProbe({ writes = true, hasToken = true } = {}) {
  const deps = handlerDeps();
  const { clock } = deps;
  const token = new Token('text', undefined, {
    issuedAtMs: clock.wallMs(),
    expiresAtMs: clock.nowMs() + 3_600_900,
    refreshAfterMs: undefined,
  });
  const nodes: Node[] = Array.from({ length: 4 }, () => ({ read: 'answers', write: 'answers' }));
  const calls: CallOptions[] = [];
  const commands: string[] = [];
  const redis = {
    async run<T>(work: (client: RedisClient) => Promise<T>, options: CallOptions): Promise<T> {
      calls.push(options);
      const { key } = options;
      const node = nodes['abcd'.indexOf(key.at(-2) ?? '')] ?? expect.unreachable();
      const answerOf = async (command: string, answer: Answer): Promise<null> => {
        commands.push(`${command} ${key}`);
        if (answer instanceof Error) throw answer;
        return answer === 'answers' ? null : new Promise(() => {});
      };
      const client = {
        get: () => answerOf('GET', node.read),
        eval: () => answerOf('SET', node.write),
      };
      return work(client as unknown as RedisClient);
    },
  };
  const keeper = { current: () => (hasToken ? token : undefined) };
  const keyRules = { prefix: 'p:', namespace: 'ref' };
  const handler = ready({ ...deps, redis, keeper, keyRules, writes });
  const ask = (method = 'GET'): Promise<Called> => callHandler(handler, { method });
  return { ...deps, nodes, calls, commands, ask };
}

const isReady = { status: 'ready', tokenExpiresInSeconds: 3600 };
const bodyOf = ({ body }: Called): unknown => JSON.parse(body ?? '');

describe('live', () => {
  it('is the answer of a process that answers, to GET and HEAD', async () => {
    const handler = live(handlerDeps());
    const answer = await callHandler(handler);
    expect([answer.status, bodyOf(answer)]).toEqual([200, { status: 'live' }]);
    expect(answer.headers).toEqual({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    expect(await callHandler(handler, { method: 'HEAD' })).toMatchObject({ status: 200, body: undefined });
  });
});

describe('ready', () => {
  it('says how long the token lasts, once a read has succeeded', async () => {
    const { ask, calls, deadlineAtMs } = startProbe();
    const answer = await ask();
    expect([answer.status, bodyOf(answer)]).toEqual([200, isReady]);
    expect(answer.headers).toEqual({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    expect(new Set(calls.map(({ key }) => key)).size).toBe(4);
    expect(calls[0]).toEqual({ key: 'p:\u001Fref:ready:{a}', deadlineAtMs, idempotent: true });
  });

  it('answers HEAD without a body', async () => {
    expect(await startProbe().ask('HEAD')).toMatchObject({ status: 200, body: undefined });
  });

  it('is so while one node of several answers a read', async () => {
    const { ask, nodes } = startProbe();
    for (const node of nodes.slice(1)) node.read = outage;
    expect(bodyOf(await ask())).toEqual(isReady);
  });

  it('is not so where no node does: 503, a time to come back, and no reason', async () => {
    const { ask, nodes } = startProbe();
    for (const node of nodes) node.read = outage;
    const answer = await ask();
    expect([answer.status, bodyOf(answer)]).toEqual([503, { status: 'unavailable' }]);
    expect(answer.headers['retry-after']).toBe('4');
  });

  it('is not so without a token', async () => {
    const answer = await startProbe({ hasToken: false }).ask();
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
  });

  it('does not take a bug for an outage', async () => {
    const { ask, nodes } = startProbe();
    for (const node of nodes) node.read = new TypeError('x is not a function');
    await expect(ask()).rejects.toThrow(TypeError);
  });

  it('is checked once for all who ask at the same time, and anew for the next', async () => {
    const { ask, commands } = startProbe({ writes: false });
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(commands).toHaveLength(4);
    await ask();
    expect(commands).toHaveLength(8);
  });
});

describe('writes', () => {
  const refused = { ...isReady, writes: 'refused' };

  it('are refused where a node that answers a read refuses a write', async () => {
    const { ask, nodes } = startProbe();
    for (const node of nodes.slice(2)) node.write = readOnly;
    expect(bodyOf(await ask())).toEqual(refused);
  });

  it('are not refused where a write fails for another reason, or the read of the same node does', async () => {
    const { ask, nodes } = startProbe();
    const [first, second, third] = nodes;
    Object.assign(first ?? {}, { write: outage });
    Object.assign(second ?? {}, { write: new TypeError('x is not a function') });
    Object.assign(third ?? {}, { read: outage, write: readOnly });
    expect(bodyOf(await ask())).toEqual(isReady);
  });

  it('are not tried where nothing is ever written', async () => {
    const { ask, commands } = startProbe({ writes: false });
    await ask();
    expect(commands.filter((command) => command.startsWith('SET'))).toEqual([]);
  });

  it('are tried every 250 ms at most; in between the last result stands', async () => {
    const { ask, nodes, clock, commands } = startProbe();
    const tried = (): number => commands.filter((command) => command.startsWith('SET')).length;
    for (const node of nodes) node.write = readOnly;
    expect(bodyOf(await ask())).toEqual(refused);
    for (const node of nodes) node.write = 'answers';
    await clock.advance(249);
    expect(bodyOf(await ask())).toEqual(refused);
    expect(tried()).toBe(4);
    await clock.advance(1);
    expect(bodyOf(await ask())).toEqual(isReady);
    expect(tried()).toBe(8);
  });

  it('that hang delay the answer by 250 ms', async () => {
    const { ask, nodes, clock } = startProbe();
    for (const node of nodes) node.write = 'hangs';
    let answer: Called | undefined;
    void ask().then((given) => (answer = given));
    await clock.advance(249);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    await settle();
    expect(answer?.status).toBe(200);
  });
});
