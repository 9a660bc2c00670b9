import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  shakeHands,
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

const connect = (of = options(), credentials = () => Promise.resolve(token)): Promise<Handshake> =>
  shakeHands(of, credentials, clock, () => {});

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
