import { afterEach, describe, expect, it } from 'vitest';
import { AppError, createRedis, type Redis, type RedisOptions } from '../../../src/exports/redis.ts';
import { partsOf } from '../../../src/exports/redis-parts.ts';

const failing = { getToken: async () => Promise.reject(new Error('no identity here')) };
// Port 1: nothing listens there.
const options: RedisOptions = { hostname: '127.0.0.1', port: 1, tls: false, credential: failing };
const made: Redis[] = [];

function create(more: Partial<RedisOptions> = {}): Redis {
  const redis = createRedis({ ...options, ...more });
  made.push(redis);
  return redis;
}

function faultOf(wrong: unknown): string {
  try {
    made.push(createRedis(wrong as RedisOptions));
  } catch (error) {
    expect(error).toMatchObject({ name: 'AppError', code: 'options-invalid' });
    return (error as AppError).message;
  }
  throw new Error('Nothing was thrown.');
}

afterEach(async () => {
  for (const redis of made.splice(0)) await redis.close();
});

describe('the options', () => {
  it('are checked all at once, each by its name', () => {
    const wrong = { hostname: 'my-cache:10000', port: 0, timeoutMs: 'x', namespace: 'a b', host: 'x' };
    const message = faultOf(wrong);
    for (const name of ['hostname', 'credential', 'port', 'timeoutMs', 'namespace', 'host is no option']) {
      expect(message).toContain(name);
    }
  });

  it('have to be there', () => {
    for (const nothing of [undefined, null, 'my-cache']) expect(faultOf(nothing)).toContain('an object');
  });

  it('take plain TCP for loopback only', () => {
    expect(faultOf({ hostname: 'cache.example', credential: failing, tls: false })).toContain('loopback');
  });
});

describe('one client for each cache', () => {
  it('is the same for the same options, whatever the credential', () => {
    const redis = create();
    expect(create({ credential: { getToken: async () => Promise.resolve(null) } })).toBe(redis);
    expect(create({ timeoutMs: 2000 })).toBe(redis);
  });

  it('is another for another port or namespace', () => {
    const redis = create();
    expect(create({ port: 2 })).not.toBe(redis);
    expect(create({ namespace: 'other' })).not.toBe(redis);
  });

  it('says which options differ', () => {
    create();
    const message = faultOf({ ...options, timeoutMs: 500, username: 'alias' });
    expect(message).toMatch(/another (?:username, timeoutMs|timeoutMs, username)\./u);
    expect(message).toContain('127.0.0.1:1');
  });

  it('is made anew when it has been closed, and also while it closes', async () => {
    const redis = create();
    const closing = redis.close();
    expect(create()).not.toBe(redis);
    await closing;
  });
});

describe('a client without a token', () => {
  it('is closed at once, and what waits is told', async () => {
    const redis = create();
    const waiting = redis.run((client) => client.ping(), { key: 'k', timeoutMs: 60_000 });
    const told = expect(waiting).rejects.toMatchObject({ code: 'stopped' });
    expect(redis.close()).toBe(redis.close());
    await redis.close();
    await told;
    expect(redis.status()).toMatchObject({ state: 'closed', connections: 0, token: { state: 'stopped' } });
    await expect(redis.run((client) => client.ping(), { key: 'k' })).rejects.toMatchObject({
      code: 'stopped',
    });
    await expect(redis.runMany(['k'], async () => [])).rejects.toMatchObject({ code: 'stopped' });
    expect(() => redis.subscribe('c', () => {})).toThrow(AppError);
  });

  it('closes at the end of a block', async () => {
    let used: Redis;
    {
      await using redis = create();
      used = redis;
    }
    expect(used.status().state).toBe('closed');
  });

  it('ends a call with the reason of its signal', async () => {
    const redis = create();
    const giveUp = new AbortController();
    const waiting = redis.run((client) => client.ping(), { key: 'k', signal: giveUp.signal });
    giveUp.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    let begun = false;
    const never = redis.runMany(['k'], async () => Promise.resolve([(begun = true)]), {
      signal: giveUp.signal,
    });
    await expect(never).rejects.toThrow('enough');
    expect(begun).toBe(false);
  });

  it('says what a call lacks', async () => {
    const redis = create();
    const wrong = [
      redis.run(undefined as never, { key: 'k' }),
      redis.run(async () => Promise.resolve(1), undefined as never),
      redis.run(async () => Promise.resolve(1), { key: 'k', timeoutMs: Number.NaN }),
      redis.run(async () => Promise.resolve(1), { key: 'k', timeout: 5 } as never),
      redis.runMany('k' as never, async () => Promise.resolve([])),
    ];
    expect(() => redis.subscribe('news', undefined as never)).toThrow('expected a channel and a function');
    for (const call of wrong) await expect(call).rejects.toMatchObject({ code: 'options-invalid' });
  });
});

it('tells its own events, and none of another client', () => {
  const [one, other] = [create(), create({ namespace: 'other' })];
  const heard: number[] = [];
  const stop = one.onEvent('rollCallHeard', ({ expected }) => heard.push(expected));
  partsOf('test', one).emit({ type: 'rollCallHeard', expected: 5 });
  partsOf('test', other).emit({ type: 'rollCallHeard', expected: 7 });
  stop();
  partsOf('test', one).emit({ type: 'rollCallHeard', expected: 9 });
  expect(heard).toEqual([5]);
});
