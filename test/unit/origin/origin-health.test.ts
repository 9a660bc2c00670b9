import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/util/errors.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { OriginHealth } from '../../../src/origin/origin-health.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const away = new AppError('origin-failed', 'The origin is away.');

describe('an origin', () => {
  let clock: FakeClock;
  let events: AppEvent[];
  let health: OriginHealth;
  const types = (): string[] => events.map(({ type }) => type);

  beforeEach(() => {
    clock = new FakeClock();
    events = [];
    health = new OriginHealth((event) => void events.push(event), clock);
  });

  it('that has never answered is failing with the first load that fails', () => {
    health.failed(away, 'a');
    health.failed(away, 'b');
    expect(events).toEqual([{ type: 'originFailing', code: 'origin-failed', reason: 'The origin is away.' }]);
  });

  it('is not failing because one key does, however often, while others are answered', async () => {
    health.answered('well');
    for (let times = 0; times < 100; times += 1) {
      health.failed(away, 'broken');
      await clock.advance(100);
      health.failed(away, 'broken');
      health.answered('well');
    }
    expect(events).toEqual([]);
  });

  it('that is seldom asked tells of one failing key once, not at each of its reads', async () => {
    health.answered('well');
    for (let times = 0; times < 100; times += 1) {
      await clock.advance(60_000);
      health.failed(away, 'broken');
      await clock.advance(60_000);
      health.answered('well');
    }
    expect(types()).toEqual(['originFailing', 'originRecovered']);
  });

  it('is failing when three keys in a row do, and recovered with the first answer: since when, how often', async () => {
    health.answered('a');
    health.failed(away, 'a');
    health.failed(away, 'b');
    expect(events).toEqual([]);
    await clock.advance(500);
    health.failed(away, 'c');
    health.failed(away, 'd');
    expect(types()).toEqual(['originFailing']);
    await clock.advance(1500);
    health.answered('a');
    health.answered('b');
    expect(events.slice(1)).toEqual([{ type: 'originRecovered', failedMs: 2000, failures: 4 }]);
  });

  it('that is asked for one key only is failing when its last answer is no longer recent', async () => {
    for (let outages = 1; outages <= 2; outages += 1) {
      health.answered('only');
      for (let seconds = 0; seconds < 5; seconds += 1) {
        health.failed(away, 'only');
        await clock.advance(1000);
      }
      expect(types().filter((type) => type === 'originFailing')).toHaveLength(outages - 1);
      health.failed(away, 'only');
      expect(types().filter((type) => type === 'originFailing')).toHaveLength(outages);
    }
  });

  it('is failing when a key that failed alone before is all that is asked for, and fails for ten seconds', async () => {
    health.failed(away, 'broken');
    health.answered('well');
    events.length = 0;
    for (let seconds = 0; seconds <= 10; seconds += 1) {
      expect(events).toEqual([]);
      health.failed(away, 'broken');
      await clock.advance(1000);
    }
    expect(types()).toEqual(['originFailing']);
  });

  it('is failing when a listing does, which concerns all keys', () => {
    health.answered('a');
    health.failed(away);
    expect(types()).toEqual(['originFailing']);
  });

  it('reports each reason not to store an answer once, and no more than a hundred', () => {
    health.notStored('Vary: *');
    health.notStored('Vary: *');
    expect(events).toEqual([{ type: 'answerNotStored', reason: 'Vary: *' }]);
    for (let reason = 0; reason < 200; reason += 1) health.notStored(`${reason}`);
    expect(events).toHaveLength(100);
  });

  it('suspects a hundred keys, and forgets the oldest first', async () => {
    for (let key = 0; key <= 100; key += 1) {
      health.answered('well');
      health.failed(away, `${key}`);
    }
    health.answered('well');
    events.length = 0;
    await clock.advance(5000);
    health.failed(away, '100');
    expect(events).toEqual([]);
    health.answered('well');
    await clock.advance(5000);
    health.failed(away, '0');
    expect(types()).toEqual(['originFailing']);
  });
});
