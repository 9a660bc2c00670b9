// What a run of the warmup loads, renews and leaves as it is.

import { expect, it } from 'vitest';
import type { Warmups } from '../../support/warmups.ts';

export function whatIsWarmed(warm: Warmups): void {
  it('loads 2,000 entries, each byte-identical; the next run moves no body, and only what has changed is loaded', async () => {
    await using instance = await warm.start();
    warm.fill(2000);
    expect(await warm.run(instance)).toMatchObject({
      listed: 2000,
      loaded: 2000,
      bytes: 2000 * 2048,
      current: 0,
      failed: {},
      complete: true,
    });
    await warm.expectWarm(instance);

    expect(await warm.run(instance)).toMatchObject({
      listed: 2000,
      current: 2000,
      loaded: 0,
      renewed: 0,
      bytes: 0,
    });
    for (let index = 0; index < 10; index += 1) warm.origin.set(`set/${index * 100}`, `changed ${index}`);
    warm.origin.loads.length = 0;
    expect(await warm.run(instance)).toMatchObject({ current: 1990, loaded: 10 });
    expect(warm.origin.loads).toHaveLength(10);
    await warm.expectWarm(instance);
  });

  it('renews what would not stay fresh until the next run without asking for it again', async () => {
    await using instance = await warm.start({ CACHE_DEFAULT_TTL_SECONDS: '100' });
    warm.fill(300);
    await warm.run(instance);
    warm.origin.loads.length = 0;
    await warm.stack.redis.admin('PEXPIRE', 'set/7', '5000');
    expect(await warm.run(instance)).toMatchObject({ renewed: 300, loaded: 0, current: 0 });
    expect(warm.origin.loads).toEqual([]);
    expect(Number(await warm.stack.redis.admin('PTTL', 'set/7'))).toBeGreaterThan(100_000);
    await warm.expectWarm(instance);
  });
}
