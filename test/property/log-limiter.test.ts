import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogLimiter, type Delayed } from '../../src/telemetry/log-limiter.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface Line {
  readonly atMs: number;
  readonly cause: string;
  readonly omitted: number;
}

/** Limiters that share a clock, as instances share time, and what they let through. */
class Fleet {
  readonly clock = new FakeClock(0);
  readonly lines: Line[] = [];
  events = 0;
  readonly #limiters: readonly LogLimiter[];

  constructor(instances: number, seed: number) {
    let state = seed;
    // https://en.wikipedia.org/wiki/Linear_congruential_generator, as in POSIX's rand48.
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    this.#limiters = Array.from({ length: instances }, () => {
      const limiter = new LogLimiter({ clock: this.clock, random });
      limiter.instances = instances;
      return limiter;
    });
  }

  /** The same happens to all, within one moment. */
  happen(cause: string, ended: readonly string[] = []): void {
    for (const limiter of this.#limiters) {
      this.events += 1;
      const write = ({ omitted }: Delayed): void =>
        void this.lines.push({ atMs: this.clock.nowMs(), cause, omitted });
      limiter.log(cause, write, ended);
    }
  }

  /** For `seconds` it happens to all of them every `everyMs`. */
  async outage(cause: string, seconds: number, everyMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < seconds * 1000; passedMs += everyMs) {
      this.happen(cause);
      await this.clock.advance(everyMs);
    }
  }

  linesIn(fromMs: number, toMs: number): number {
    return this.lines.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length;
  }

  get busiestSecond(): number {
    return Math.max(0, ...this.lines.map(({ atMs }) => this.linesIn(atMs, atMs + 1000)));
  }

  get told(): number {
    return this.lines.reduce((sum, { omitted }) => sum + omitted + 1, 0);
  }
}

describe('the log of a fleet', () => {
  it('of 400 is about a line a second in any outage, in its first second and its end too', async () => {
    const seeds = fc.integer({ min: 1, max: 2 ** 30 });
    const property = fc.asyncProperty(seeds, fc.constantFrom(500, 2000), async (seed, everyMs) => {
      const fleet = new Fleet(400, seed);
      await fleet.outage('connectionFailed', 40, everyMs);
      expect(fleet.linesIn(0, 1000)).toBeLessThanOrEqual(8);
      expect(fleet.lines.length).toBeLessThanOrEqual(70);
      // And it is not silent either.
      expect(fleet.lines.length).toBeGreaterThanOrEqual(15);
      fleet.happen('connectionReady');
      await fleet.clock.advance(30_000);
      const ends = fleet.lines.filter(({ cause }) => cause === 'connectionReady').length;
      expect(ends).toBeLessThanOrEqual(55);
      // Another outage soon after finds no share that was saved up.
      await fleet.outage('connectionFailed', 5, everyMs);
      expect(fleet.busiestSecond).toBeLessThanOrEqual(16);
    });
    await fc.assert(property, { numRuns: 6 });
  });

  it('tells of every event at last: by a line, or counted in a later one of its cause', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 5000 })), { maxLength: 40 }),
      async (instances, happenings) => {
        const fleet = new Fleet(instances, 7);
        for (const [cause, pauseMs] of happenings) {
          fleet.happen(cause);
          await fleet.clock.advance(pauseMs);
        }
        await fleet.clock.advance(700_000);
        expect(fleet.told).toBe(fleet.events);
        expect(fleet.clock.pendingTimers).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  it('never tells of a beginning after its end: the end counts what was still waiting', async () => {
    const fleet = new Fleet(400, 3);
    await fleet.outage('failing', 20, 500);
    const before = fleet.lines.length;
    fleet.happen('recovered', ['failing']);
    await fleet.clock.advance(700_000);
    expect(new Set(fleet.lines.slice(before).map(({ cause }) => cause))).toEqual(new Set(['recovered']));
    expect(fleet.told).toBe(fleet.events);
  });

  it.each([1, 2, 5])('of %i has the first line of a cause at once', (instances) => {
    const fleet = new Fleet(instances, 1);
    fleet.happen('connectionLost');
    expect(fleet.lines).toHaveLength(instances);
    fleet.happen('connectionFailed');
    expect(fleet.lines).toHaveLength(2 * instances);
  });

  it('of one instance is about a line a second as well, after the first five', async () => {
    const fleet = new Fleet(1, 1);
    await fleet.outage('connectionFailed', 60, 100);
    expect(fleet.linesIn(0, 500)).toBe(5);
    expect(fleet.lines.length).toBeLessThanOrEqual(66);
    expect(fleet.lines.length).toBeGreaterThanOrEqual(58);
  });
});
