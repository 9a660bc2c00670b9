// What somebody else wrote is no entry that a rule could be about: a purge removes it by its key.

import { describe, expect } from 'vitest';
import { PurgeLog } from '../../../src/cache/purge-log.ts';
import { entryKey, it, type World } from '../../support/in-memory-cache.ts';
import { ScriptedPurges } from '../../support/scripted-purges.ts';

function start(world: World) {
  const order = new ScriptedPurges();
  const log = new PurgeLog({ order, instance: () => 'me', clock: world.clock, emit() {} });
  const instance = world.instance({ origin: undefined, purges: log });
  world.server.set('foreign', 'value');
  const purge = (mode: 'stale' | 'remove') =>
    instance.cache.purge(
      { keys: [entryKey('foreign')], tags: [], prefixes: [], mode },
      world.clock.nowMs() + 2000,
    );
  const kind = async (): Promise<string> => (await instance.read('foreign')).kind;
  return { order, purge, kind, instance };
}

describe('a purge by its key', () => {
  it('removes it where it is to be removed, and leaves it where it is to be stale', async ({ world }) => {
    const { purge, kind } = start(world);
    expect(await purge('stale')).toMatchObject({ kind: 'purged' });
    expect(await kind()).toBe('hit');
    expect(await purge('remove')).toMatchObject({ kind: 'purged' });
    expect(await kind()).toBe('miss');
  });

  it('that is refused leaves it', async ({ world }) => {
    const { order, purge, kind } = start(world);
    order.placement = { kind: 'full', retryAfterMs: 3000 };
    expect(await purge('remove')).toEqual(order.placement);
    expect(await kind()).toBe('hit');
  });

  it('is not known to be done where it could not be removed', async ({ world }) => {
    const { instance, purge } = start(world);
    instance.connection.fault = 'unavailable';
    expect(await purge('remove')).toMatchObject({ kind: 'unavailable', applied: 'unknown' });
  });
});
