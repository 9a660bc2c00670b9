import { expect, it } from 'vitest';
import { EventHub } from '../../../src/telemetry/event-hub.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';

const heard = (expected: number): AppEvent => ({ type: 'rollCallHeard', expected });

it('tells the listeners of a type, and passes every event on', () => {
  const onward: AppEvent[] = [];
  const own: number[] = [];
  const hub = new EventHub((event) => onward.push(event));
  hub.on('rollCallHeard', ({ expected }) => own.push(expected));
  hub.emit(heard(3));
  hub.emit({ type: 'entryInvalid', reason: 'other' });
  expect(own).toEqual([3]);
  expect(onward.map(({ type }) => type)).toEqual(['rollCallHeard', 'entryInvalid']);
});

it('takes a listener back once for each time it was given', () => {
  const own: number[] = [];
  const hub = new EventHub(() => {});
  const listener = ({ expected }: { expected: number }): void => void own.push(expected);
  const stop = hub.on('rollCallHeard', listener);
  hub.on('rollCallHeard', listener);
  stop();
  stop();
  hub.emit(heard(1));
  expect(own).toEqual([1]);
});

it('is not held up by a listener that throws, or rejects', async () => {
  const own: string[] = [];
  const hub = new EventHub(() => own.push('onward'));
  hub.on('rollCallHeard', () => {
    throw new Error('a bug');
  });
  const asynchronous: () => unknown = async () => Promise.reject(new Error('another bug'));
  hub.on('rollCallHeard', asynchronous);
  hub.on('rollCallHeard', () => void own.push('heard'));
  hub.emit(heard(1));
  await Promise.resolve();
  expect(own).toEqual(['heard', 'onward']);
});
