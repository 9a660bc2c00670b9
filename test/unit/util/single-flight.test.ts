import { expect, it } from 'vitest';
import { SingleFlight, type Callers } from '../../../src/util/single-flight.ts';

it('does work once for all who ask while it is under way, and again for who asks later', async () => {
  const flights = new SingleFlight<number>();
  let done = 0;
  const work = async (): Promise<number> => (done += 1);
  const [first, second, other] = [flights.do('a', work), flights.do('a', work), flights.do('b', work)];
  expect([first.joined, second.joined, other.joined]).toEqual([false, true, false]);
  expect(await Promise.all([first.result, second.result, other.result])).toEqual([1, 1, 2]);
  expect(flights.size).toBe(0);
  expect(await flights.do('a', work).result).toBe(3);
});

it('a failure is told to all who wait, kept for nobody, and no unhandled rejection where nobody waits', async () => {
  const flights = new SingleFlight<string>();
  const failing = async (): Promise<string> => {
    throw new Error('no');
  };
  const [first, second] = [flights.do('a', failing), flights.do('a', failing)];
  await expect(first.result).rejects.toThrow('no');
  await expect(second.result).rejects.toThrow('no');
  void flights.do('a', failing);
  await flights.settled();
  expect(await flights.do('a', async () => 'yes').result).toBe('yes');
});

it('a flight that is forgotten ends for those who joined it, and its end does not end the one after it', async () => {
  const flights = new SingleFlight<string>();
  const [older, newer] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const before = flights.do('a', async () => older.promise);
  flights.forget('a');
  const after = flights.do('a', async () => newer.promise);
  older.resolve('older');
  expect(await before.result).toBe('older');
  const joined = flights.do('a', async () => 'newest');
  newer.resolve('newer');
  expect([after.joined, joined.joined]).toEqual([false, true]);
  expect(await Promise.all([after.result, joined.result])).toEqual(['newer', 'newer']);
});

it('work can tell that all who waited for it have left, and that somebody came back', () => {
  const flights = new SingleFlight<void>();
  let callers: Callers | undefined;
  let gone = 0;
  const work = async (those: Callers): Promise<void> => {
    callers = those;
    those.onGone(() => (gone += 1));
    await new Promise(() => {});
  };
  const [first, second] = [flights.do('a', work), flights.do('a', work)];
  expect(callers?.areGone).toBe(false);
  first.leave();
  first.leave();
  expect([callers?.areGone, gone]).toEqual([false, 0]);
  second.leave();
  expect([callers?.areGone, gone]).toEqual([true, 1]);
  const third = flights.do('a', work);
  expect([third.joined, callers?.areGone]).toEqual([true, false]);
  third.leave();
  expect(gone).toBe(2);
});

it('nobody joins work whose last caller does not want its result any more', () => {
  const flights = new SingleFlight<void>();
  const all: Callers[] = [];
  const work = async (callers: Callers): Promise<void> => {
    all.push(callers);
    await new Promise(() => {});
  };
  const [first, second] = [flights.do('a', work), flights.do('a', work)];
  first.leave(true);
  expect([all[0]?.areCancelled, flights.size]).toEqual([false, 1]);
  second.leave(true);
  expect([all[0]?.areCancelled, flights.size]).toEqual([true, 0]);
  const third = flights.do('a', work);
  expect([third.joined, all.length]).toEqual([false, 2]);
  third.leave();
  expect([all[1]?.areCancelled, flights.size]).toEqual([false, 1]);
});
