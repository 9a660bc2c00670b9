import { createClient, type RedisClientType } from 'redis';
import { beforeEach, expect, it, vi } from 'vitest';
import { clientsOfOneClass } from '../../../src/redis/new-client.ts';

const create = vi.fn(() => createClient({ RESP: 3 }));
let newClient: ReturnType<typeof clientsOfOneClass<ReturnType<typeof create>>>;

beforeEach(() => {
  create.mockClear();
  newClient = clientsOfOneClass(create);
});

/** What a client sends, each command answered with OK. */
function sentBy(client: object): readonly (readonly string[])[] {
  const sent: (readonly string[])[] = [];
  const methods = Object.getPrototypeOf(client) as Pick<RedisClientType, 'sendCommand'>;
  methods.sendCommand = (async (args: readonly string[]) => {
    sent.push(args);
    return 'OK';
  }) as RedisClientType['sendCommand'];
  return sent;
}

it('makes the class once, whatever the options of each client are', () => {
  expect(create).not.toHaveBeenCalled();
  const clients = [1, 2, 3].map((port) => newClient({ socket: { port } }));
  expect(new Set(clients.map(({ get }) => get))).toHaveLength(1);
  expect(new Set(clients.map(({ json }) => Object.getPrototypeOf(json) as object))).toHaveLength(1);
  expect(create).toHaveBeenCalledOnce();
});

it('each client has options of its own', async () => {
  const ofBuffers = newClient({ socket: { port: 1 }, commandOptions: { timeout: 0 } });
  const tracking = newClient({ socket: { port: 2 }, emitInvalidate: true });
  expect([ofBuffers, tracking].map(({ options }) => options.socket)).toEqual([{ port: 1 }, { port: 2 }]);
  expect(tracking.options).not.toHaveProperty('commandOptions.timeout', 0);
  expect(ofBuffers.options).not.toHaveProperty('emitInvalidate');
});

it('what is changed on one client is not changed on others', async () => {
  const [one, other] = [newClient({}), newClient({})];
  const [sentByOne, sentByOther] = [sentBy(one), sentBy(other)];
  await one.get('a');
  await one.withAbortSignal(AbortSignal.timeout(60_000)).get('b');
  expect(sentByOne).toEqual([
    ['GET', 'a'],
    ['GET', 'b'],
  ]);
  expect(sentByOther).toEqual([]);
});

it('field sets that one client prepared are unknown to others', async () => {
  const [one, other] = [newClient({}), newClient({})];
  sentBy(one);
  sentBy(other);
  await one.hImportPrepare('people', ['name']);
  expect(await other.hImportDiscardAll()).toBe(0);
  expect(await one.hImportDiscardAll()).toBe(1);
});

it('is a client that looks like one of createClient', () => {
  const of = (client: object): readonly string[] => Object.getOwnPropertyNames(Object.getPrototypeOf(client));
  expect(of(newClient({}))).toEqual(of(createClient({ RESP: 3 })));
});
