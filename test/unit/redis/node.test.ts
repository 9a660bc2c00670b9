import { beforeEach, describe, expect, it } from 'vitest';
import { RedisNode } from '../../../src/redis/node.ts';
import { settle } from '../../support/fake-clock.ts';
import { ScriptedNode } from '../../support/scripted-node.ts';

let scripted: ScriptedNode;
let node: RedisNode;

beforeEach(async () => {
  scripted = new ScriptedNode();
  node = new RedisNode(scripted.options);
  node.start();
  await scripted.bringToken();
});

function get(idempotent = true, ms = 2000): { outcome: unknown } {
  const result: { outcome: unknown } = { outcome: undefined };
  const deadlineAtMs = scripted.clock.nowMs() + ms;
  node
    .run((client) => client.get('a'), { deadlineAtMs, idempotent })
    .then(
      (value) => (result.outcome = value),
      (error: unknown) => (result.outcome = error),
    );
  return result;
}

const sent = (): number =>
  scripted.server.connections.flatMap((one) => one.sent).filter((words) => words === 'GET a').length;

describe('a command', () => {
  it('waits for the first connection', async () => {
    const other = new ScriptedNode();
    const starting = new RedisNode(other.options);
    starting.start();
    const value = starting.run((client) => client.get('a'), {
      deadlineAtMs: other.clock.nowMs() + 1000,
      idempotent: true,
    });
    await other.bringToken();
    expect(await value).toBe('OK');
  });

  it('that is lost with its connection is run again on the next, if it may be', async () => {
    scripted.server.answer = () => 'later';
    const [read, write] = [get(), get(false)];
    scripted.server.last.cut();
    scripted.server.answer = () => ({ value: 'value' });
    await scripted.clock.advance(100);
    expect(read.outcome).toBe('value');
    expect(write.outcome).toMatchObject({ code: 'connection-lost' });
    expect(sent()).toBe(3);
  });

  it('that is lost with two connections is not tried on a third', async () => {
    scripted.server.answer = () => 'later';
    const read = get(true, 10_000);
    scripted.server.last.cut();
    await scripted.clock.advance(100);
    scripted.server.last.cut();
    await scripted.clock.advance(1000);
    expect(read.outcome).toMatchObject({ code: 'connection-lost' });
    expect(sent()).toBe(2);
  });

  it('is not blamed for a connection that had been silent before', async () => {
    await scripted.clock.advance(1000);
    scripted.server.answer = () => 'later';
    get(true, 100);
    const read = get(true, 20_000);
    // Silent, then two losses: the third connection answers.
    await scripted.clock.advance(1700);
    scripted.server.last.cut();
    await scripted.clock.advance(100);
    scripted.server.answer = () => ({ value: 'value' });
    const again = get();
    await settle();
    expect(again.outcome).toBe('value');
    scripted.server.last.pending[0]?.answer('at last');
    await settle();
    expect(read.outcome).toBe('at last');
  });

  it('that Redis asks to authenticate for is run once more after AUTH', async () => {
    await scripted.clock.advance(40_000);
    let noAuths = 1;
    scripted.server.answer = ([name]) =>
      name === 'GET' && (noAuths -= 1) >= 0 ? { error: 'NOAUTH Authentication required.' } : { value: 'OK' };
    const read = get();
    await settle();
    // The credential has no later token.
    scripted.source.take().fail(new Error('none'));
    await settle();
    expect(read.outcome).toBe('OK');
    expect(scripted.server.last.sent.map((words) => words.split(' ')[0])).toEqual(['GET', 'AUTH', 'GET']);
  });

  it('fails with any other error at once', async () => {
    scripted.server.answer = () => ({ error: 'WRONGTYPE' });
    const read = get();
    await settle();
    expect(read.outcome).toMatchObject({ code: 'wrong-type' });
    expect(sent()).toBe(1);
  });

  it('is told the loss where its turn to be repeated does not come in time', async () => {
    scripted.server.answer = () => 'later';
    const reads = Array.from({ length: 9 }, () => get());
    scripted.server.last.cut();
    await scripted.clock.advance(2100);
    expect(sent()).toBe(9 + 8);
    expect(
      reads.filter(({ outcome }) => (outcome as { code: string }).code === 'connection-lost'),
    ).toHaveLength(1);
  });

  it('that is refused is noticed, once', async () => {
    scripted.server.answer = () => ({ error: 'NOPERM no' });
    get();
    get();
    await settle();
    expect(scripted.events.filter(({ type }) => type === 'commandRefused')).toHaveLength(1);
  });
});

describe('a subscription', () => {
  it('has a connection of its own, a second after that for commands, and lets it go with the last one', async () => {
    const heard: string[] = [];
    const stop = node.subscribe('news', (message) => heard.push(message));
    expect(scripted.server.connections).toHaveLength(1);
    await scripted.clock.advance(1000);
    await node.listening('news', scripted.clock.nowMs() + 100);
    scripted.server.last.channels.get('news')?.('hello');
    expect(heard).toEqual(['hello']);
    expect(node.status()).toMatchObject({ state: 'ready', connections: 2 });
    stop();
    await scripted.clock.advance(10);
    expect(node.status().connections).toBe(1);
    expect(scripted.server.last.isReady).toBe(false);
  });

  it('goes on where the node is retired, until it has ended, or for 5 s', async () => {
    node.subscribe('news', () => {});
    await scripted.clock.advance(1000);
    const retired = node.retire();
    await scripted.clock.advance(4999);
    expect(scripted.server.last.isReady).toBe(true);
    await scripted.clock.advance(1);
    await retired;
    expect(scripted.server.last.isReady).toBe(false);
  });
});

it('closed, it answers what is under way and refuses the rest', async () => {
  scripted.server.answer = () => 'later';
  const read = get();
  const closed = node.close();
  const late = get();
  await settle();
  scripted.server.last.pending[0]?.answer('value');
  await closed;
  await settle();
  expect(read.outcome).toBe('value');
  expect(late.outcome).toMatchObject({ code: 'stopped' });
  expect(node.status().state).toBe('closed');
});
