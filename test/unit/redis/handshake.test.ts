import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  shakeHands,
  TrackingRefusedError,
  usernameOf,
  type ConnectionOptions,
  type Handshake,
} from '../../../src/redis/handshake.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { testOid, tokenOf } from '../../support/tokens.ts';

let clock: FakeClock;
let server: Server;
/** To HELLO, as RESP; undefined: none. */
let answer: string | undefined;
let received: string;
let heard: PromiseWithResolvers<void>;

beforeEach(async () => {
  clock = new FakeClock();
  answer = undefined;
  received = '';
  heard = Promise.withResolvers();
  server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.toString();
      heard.resolve();
      if (answer !== undefined) socket.write(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => void server.close());

const token = tokenOf(Date.UTC(2026, 0, 1), 3_600_000);

function options(username?: string): ConnectionOptions {
  const { port } = server.address() as AddressInfo;
  return { hostname: '127.0.0.1', port, tls: false, username, connectTimeoutMs: 5000, pingAfterMs: 60_000 };
}

const connect = (
  of = options(),
  credentials = () => Promise.resolve(token),
  onKeyChanged?: (key: string | undefined) => void,
): Promise<Handshake> => shakeHands(of, credentials, clock, () => {}, onKeyChanged);

it.each([
  ['-WRONGPASS invalid username-password pair\r\n', 'redis-rejected-identity', testOid],
  ['-NOPERM no permission\r\n', 'redis-rejected-identity', testOid],
  ['-LOADING Redis is loading the dataset in memory\r\n', 'redis-unavailable', 'LOADING'],
  ['-ERR unknown command HELLO\r\n', 'command-failed', 'HELLO'],
])('HELLO that is answered with %j fails as %s', async (reply, code, words) => {
  answer = reply;
  const failed = connect();
  await expect(failed).rejects.toMatchObject({ code });
  await expect(failed).rejects.toThrow(words);
  expect(received).toContain(token.reveal());
});

it.each([
  "-NOPERM User x has no permissions to run the 'client|tracking' command\r\n",
  "-NOPERM this user has no permissions to run the 'client' command or its subcommand\r\n",
  "-ERR 'client|tracking' is not allowed\r\n",
  "-ERR unknown subcommand 'TRACKING'. Try CLIENT HELP.\r\n",
  "-ERR unknown command 'CLIENT'\r\n",
])('CLIENT TRACKING that is answered with %j is told apart from a rejected identity', async (reply) => {
  answer = '%1\r\n+proto\r\n:3\r\n+OK\r\n+OK\r\n' + reply;
  const tracked = connect(options(), undefined, () => {});
  await expect(tracked).rejects.toBeInstanceOf(TrackingRefusedError);
  expect(received).toContain('TRACKING');
  received = '';
  answer = '%1\r\n+proto\r\n:3\r\n+OK\r\n+OK\r\n';
  const { client } = await connect();
  expect(received).not.toContain('TRACKING');
  client.destroy();
});

it('an identity that is rejected is told as that, also where keys were to be tracked', async () => {
  for (const reply of [
    "-NOPERM User x has no permissions to run the 'hello' command\r\n",
    '-WRONGPASS no\r\n',
  ]) {
    answer = reply;
    await expect(connect(options(), undefined, () => {})).rejects.toMatchObject({
      code: 'redis-rejected-identity',
    });
  }
});

it('says which keys have changed', async () => {
  const changed: (string | undefined)[] = [];
  answer =
    '%1\r\n+proto\r\n:3\r\n+OK\r\n+OK\r\n+OK\r\n>2\r\n+invalidate\r\n*2\r\n$1\r\na\r\n$2\r\n\u00fc\r\n>2\r\n+invalidate\r\n_\r\n';
  const { client } = await connect(options(), undefined, (key) => changed.push(key));
  expect(changed).toEqual(['a', '\u00fc', undefined]);
  client.destroy();
});

it('is given up when it takes too long', async () => {
  const failed = connect();
  failed.catch(() => {});
  await heard.promise;
  await clock.advance(5000);
  await expect(failed).rejects.toThrow('Redis did not complete the handshake within 5000 ms.');
});

it('fails with what stands in the way of a token', async () => {
  const missing = new AppError('token-unavailable', 'no token');
  await expect(connect(options(), () => Promise.reject(missing))).rejects.toBe(missing);
});

it('says where it could not connect to', async () => {
  const of = options();
  server.close();
  await once(server, 'close');
  await expect(connect(of)).rejects.toThrow(`Cannot connect to Redis at 127.0.0.1:${of.port}`);
});

it('signs in with the object id of the token, or with the user name that was set', () => {
  expect(usernameOf(options(), token)).toBe(testOid);
  expect(usernameOf(options('alias'), token)).toBe('alias');
});
