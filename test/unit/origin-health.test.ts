import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { OriginHealth } from '../../src/telemetry/origin-health.ts';
import { FakeClock } from '../support/fake-clock.ts';

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
    health.answered();
    for (let times = 0; times < 100; times += 1) {
      health.failed(away, 'broken');
      await clock.advance(times % 2 === 0 ? 10 : 60_000);
      health.failed(away, 'broken');
      health.answered();
    }
    expect(events).toEqual([]);
  });

  it('is failing when three keys in a row do, and recovered with the first answer: since when, how often', async () => {
    health.answered();
    health.failed(away, 'a');
    health.failed(away, 'b');
    expect(events).toEqual([]);
    await clock.advance(500);
    health.failed(away, 'c');
    health.failed(away, 'd');
    expect(types()).toEqual(['originFailing']);
    await clock.advance(1500);
    health.answered();
    health.answered();
    expect(events.slice(1)).toEqual([{ type: 'originRecovered', failedMs: 2000, failures: 4 }]);
  });

  it('that is asked for one key only is failing when that goes on for ten seconds', async () => {
    health.answered();
    for (let seconds = 0; seconds < 10; seconds += 1) {
      health.failed(away, 'only');
      await clock.advance(1000);
    }
    expect(events).toEqual([]);
    health.failed(away, 'only');
    expect(types()).toEqual(['originFailing']);
  });

  it('is failing when a listing does, which concerns all keys', () => {
    health.answered();
    health.failed(away);
    expect(types()).toEqual(['originFailing']);
  });
});
