import { describe, expect, it } from 'vitest';
import { PurgeLog } from '../../../src/cache/purge-log.ts';
import { ruleId } from '../../../src/cache/purge-rules.ts';
import { AppError } from '../../../src/util/errors.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { ScriptedPurges } from '../../support/scripted-purges.ts';

const rule = (place: number, leftMs = 60_000) => ({
  id: ruleId('remove', { kind: 'key', name: 'a' }),
  place,
  leftMs,
});

function start() {
  const clock = new FakeClock();
  const order = new ScriptedPurges();
  const events: object[] = [];
  const log = new PurgeLog({ order, instance: () => 'me', clock, emit: (event) => void events.push(event) });
  const deadline = (): number => clock.nowMs() + 2000;
  return { clock, order, events, log, deadline };
}

/** Told, and by a question of an earlier turn. */
async function told() {
  const world = start();
  await world.log.confirm(world.deadline());
  await settle();
  return world;
}

describe('what is known of purges', () => {
  it('may be gone by for 1.5 s, and is asked for behind that after half of it', async () => {
    const { clock, order, log, deadline } = await told();
    expect([log.confirm(deadline()), log.known]).toEqual([undefined, 5]);
    await clock.advance(740);
    expect(log.confirm(deadline())).toBeUndefined();
    expect(order.questions).toHaveLength(1);
    await clock.advance(20);
    expect([log.confirm(deadline()), log.confirm(deadline())]).toEqual([undefined, undefined]);
    await settle();
    expect(order.questions).toMatchObject([{ leaseMs: 1500 }, { leaseMs: 1500 }]);
    await clock.advance(1499);
    expect(log.confirm(deadline())).toBeUndefined();
    await settle();
    await clock.advance(1500);
    expect(log.confirm(deadline())).toBeInstanceOf(Promise);
  });

  it('is asked for once in a turn, however many want it', async () => {
    const { order, log, deadline } = start();
    const first = log.confirm(deadline());
    expect(log.confirm(deadline())).toBe(first);
    await settle();
    await first;
    expect(order.questions).toHaveLength(1);
  });

  it('is brought once, however many turns ask until it is there', async () => {
    const { order, log, deadline } = start();
    const answers: (() => void)[] = [];
    order.before = () => new Promise<void>((resolve) => void answers.push(resolve));
    order.answer = { ...order.answer, rules: [rule(5)] };
    const asking: (Promise<boolean> | undefined)[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      asking.push(log.confirm(deadline()));
      await settle();
    }
    expect(order.questions.map(({ wantsRules }) => wantsRules)).toEqual([true, false, false]);
    answers[0]?.();
    answers[1]?.();
    await settle();
    expect([await asking[0], await asking[1]]).toEqual([true, true]);
    // A purge that came between is asked for.
    order.answer = { ...order.answer, place: 6, rules: [rule(6)] };
    answers[2]?.();
    await settle();
    expect(order.questions.map(({ known, wantsRules }) => [known, wantsRules])).toEqual([
      [0, true],
      [0, false],
      [0, false],
      [5, true],
    ]);
    answers[3]?.();
    expect([await asking[2], log.known]).toEqual([true, 6]);
  });

  it('is brought by the next one where the first is not answered', async () => {
    const { order, log, deadline } = start();
    let fail = (): void => {};
    order.before = () =>
      new Promise((_resolve, reject) => (fail = () => reject(new AppError('connection-lost', 'away'))));
    const first = log.confirm(deadline());
    await settle();
    const lose = fail;
    order.before = async () => {};
    order.answer = { ...order.answer, rules: [rule(5)] };
    const second = log.confirm(deadline());
    await settle();
    expect([await second, log.known]).toEqual([true, 5]);
    expect(order.questions.map(({ wantsRules }) => wantsRules)).toEqual([true, false, true]);
    lose();
    expect(await first).toBe(false);
  });

  it('may not be gone by where nothing is heard, something was, or on another connection', async () => {
    const unheard = start();
    unheard.order.connection = undefined;
    await unheard.log.confirm(unheard.deadline());
    await settle();
    expect(unheard.order.questions).toMatchObject([{ leaseMs: 0 }]);
    expect(unheard.log.confirm(unheard.deadline())).toBeInstanceOf(Promise);

    const moved = await told();
    moved.order.connection = {};
    expect(moved.log.confirm(moved.deadline())).toBeInstanceOf(Promise);

    const announced = await told();
    announced.order.before = () => new Promise(() => {});
    announced.order.announce('p1');
    expect(announced.log.confirm(announced.deadline())).toBeInstanceOf(Promise);
  });

  it('is told to those who listen, and a purge is acknowledged when it has been taken in', async () => {
    const { order, log, events } = await told();
    let adopted = 0;
    log.onAdopted(() => (adopted += 1));
    order.answer = { ...order.answer, place: 6, rules: [rule(6)] };
    order.announce('p1');
    expect(order.acknowledged).toEqual([]);
    await settle();
    expect([order.acknowledged, adopted, log.known]).toEqual([['p1'], 1, 6]);
    expect(events).toEqual([{ type: 'purgeAdopted', targets: 1, rules: 1 }]);
    order.before = async () => {
      throw new AppError('redis-unavailable', 'away');
    };
    order.announce('p2');
    await settle();
    expect(order.acknowledged).toEqual(['p1']);
  });

  it('is given back where Redis has lost it', async () => {
    const { order, log, deadline, clock } = await told();
    order.answer = { ...order.answer, place: 6, rules: [rule(6)] };
    order.announce('p1');
    await settle();
    order.answer = { place: 0, epoch: 'e2', horizonMs: 1000, floor: 0, hasLease: true, rules: [] };
    await clock.advance(2000);
    await log.confirm(deadline());
    expect(order.restored).toMatchObject([{ known: 6, rules: [{ place: 6 }] }]);
    expect(log.known).toBe(6);
    await settle();
    expect(log.confirm(deadline())).toBeUndefined();
  });

  it('goes on where it cannot be asked for: what was answered beside it waits a moment, and the next not', async () => {
    const { order, log, deadline, clock } = start();
    order.before = () => new Promise(() => {});
    const asking = log.confirm(deadline()) ?? expect.unreachable();
    const waiting = log.confirmed(asking, deadline());
    await clock.advance(250);
    await waiting;
    expect(log.confirm(deadline())).toBeUndefined();
    await clock.advance(1000);
    expect(log.confirm(deadline())).toBeInstanceOf(Promise);
  });

  it('is asked for at once on the connection after the one on which it could not be', async () => {
    const { order, log, deadline, clock } = start();
    order.before = () => new Promise(() => {});
    const asking = log.confirm(deadline()) ?? expect.unreachable();
    const waiting = log.confirmed(asking, deadline());
    await clock.advance(250);
    await waiting;
    order.asked = {};
    expect(log.confirm(deadline())).toBeInstanceOf(Promise);
  });

  it('puts the horizon off before something is kept beyond it, once for all', async () => {
    const { order, log, clock } = start();
    order.answer = { ...order.answer, horizonMs: 100_000 };
    await log.confirm(clock.nowMs() + 2000);
    expect(log.keep(80_000)).toBeUndefined();
    order.answer = { ...order.answer, horizonMs: 1_000_000 };
    await Promise.all([log.keep(200_000), log.keep(200_000)]);
    expect(order.questions.map(({ keptMs }) => keptMs)).toEqual([0, 220_000]);
    expect(log.keep(200_000)).toBeUndefined();
  });

  it('puts it off with the next question where that could not be told', async () => {
    const { order, log, clock, deadline } = start();
    order.answer = { ...order.answer, horizonMs: 100_000 };
    await log.confirm(deadline());
    order.before = async () => {
      throw new AppError('redis-unavailable', 'away');
    };
    await log.keep(200_000);
    order.before = async () => {};
    await clock.advance(2000);
    order.answer = { ...order.answer, horizonMs: 1_000_000 };
    await log.confirm(deadline());
    await clock.advance(2000);
    await log.confirm(deadline());
    expect(order.questions.map(({ keptMs }) => keptMs)).toEqual([0, 220_000, 218_000, 0]);
  });
});

describe('a purge', () => {
  it('waits for all that may go on without asking, and names those that are silent', async () => {
    const { order, log, clock } = start();
    order.placement = {
      ...order.placement,
      kind: 'placed',
      place: 6,
      atMs: 7,
      receivers: 2,
      leases: ['a', 'b'],
    };
    const purging = log.purge(['rka'], clock.nowMs() + 5000);
    await settle();
    order.acknowledgeAs('a');
    await clock.advance(1600);
    const silent = { kind: 'purged', atMs: 7, expected: 3, acknowledged: 2, silent: ['b'] };
    expect(await purging).toEqual(silent);
    const next = log.purge(['rka'], clock.nowMs() + 5000);
    await settle();
    for (const name of ['a', 'b']) order.acknowledgeAs(name);
    expect(await next).toEqual({ ...silent, acknowledged: 3, silent: [] });
  });

  it('waits its time where nobody knows for whom, and says what is not known', async () => {
    const { order, log, clock } = start();
    order.placement = { kind: 'placed', place: 6, atMs: 7, receivers: 1, leases: undefined };
    let isAnswered = false;
    const purging = log.purge(['rka'], clock.nowMs() + 5000).finally(() => (isAnswered = true));
    await clock.advance(1500);
    expect(isAnswered).toBe(false);
    await clock.advance(100);
    expect(await purging).toMatchObject({ expected: 1, acknowledged: 1, silent: [] });
    order.placement = { kind: 'full', retryAfterMs: 3000 };
    expect(await log.purge(['rka'], clock.nowMs() + 5000)).toEqual(order.placement);
    for (const [code, applied] of [
      ['connection-lost', 'unknown'],
      ['redis-unavailable', 'no'],
    ] as const) {
      order.before = async () => {
        throw new AppError(code, 'away');
      };
      expect(await log.purge(['rka'], clock.nowMs() + 5000)).toMatchObject({ kind: 'unavailable', applied });
    }
  });
});
