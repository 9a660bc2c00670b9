import { expect, it } from 'vitest';
import { AppError } from '../../../src/util/errors.ts';
import { withHoldOff } from '../../../src/origin/hold-off.ts';
import type { LoadOptions, Origin, OriginAnswer } from '../../../src/origin/origin.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const options: LoadOptions = { maxBytes: 100, signal: new AbortController().signal };

/** An origin that answers what it is told to, and notes what it was asked. */
function scripted() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const script = { next: (): OriginAnswer | AppError => ({ kind: 'none', status: 404, fields: {} }) };
  const origin: Origin = {
    kind: 'http',
    async load(key) {
      asked.push(key);
      const said = script.next();
      if (said instanceof AppError) throw said;
      return said;
    },
  };
  return { clock, asked, script, held: withHoldOff(origin, clock) };
}

const slowly = (retryAfter: string): OriginAnswer => ({
  kind: 'answered',
  status: 429,
  body: Buffer.from('Slowly.'),
  codings: [],
  fields: { 'retry-after': retryAfter },
  restrictions: [],
});
const leftOf = (answer: OriginAnswer): string | undefined =>
  answer.kind === 'answered' ? answer.fields['retry-after'] : undefined;

it('leaves a key alone after 429 for as long as it says, tells what is left, and asks for others', async () => {
  const { clock, asked, script, held } = scripted();
  script.next = () => slowly('60');
  expect(leftOf(await held.load('a', options))).toBe('60');
  await clock.advance(45_500);
  expect(leftOf(await held.load('a', options))).toBe('15');
  await held.load('b', options);
  expect(asked).toEqual(['a', 'b']);
  await clock.advance(15_000);
  script.next = () => ({ kind: 'none', status: 404, fields: {} });
  expect((await held.load('a', options)).kind).toBe('none');
  expect(asked).toEqual(['a', 'b', 'a']);
});

it('takes a date for the same', async () => {
  const { clock, asked, script, held } = scripted();
  script.next = () => slowly(new Date(clock.wallMs() + 30_000).toUTCString());
  await held.load('a', options);
  await clock.advance(29_000);
  expect(leftOf(await held.load('a', options))).toBe('1');
  await clock.advance(1000);
  await held.load('a', options);
  expect(asked).toHaveLength(2);
});

it('leaves an origin alone that failed and said for how long, and believes nobody for longer than 5 minutes', async () => {
  const { clock, asked, script, held } = scripted();
  script.next = () => new AppError('origin-failed', 'It answered 503.', { retryAfterSeconds: 3600 });
  await expect(held.load('a', options)).rejects.toMatchObject({ code: 'origin-failed' });
  await clock.advance(100_000);
  await expect(held.load('b', options)).rejects.toMatchObject({
    code: 'origin-failed',
    message: 'It answered 503.',
    retryAfterSeconds: 200,
  });
  expect(asked).toEqual(['a']);
  await clock.advance(200_000);
  await expect(held.load('b', options)).rejects.toMatchObject({ retryAfterSeconds: 3600 });
  expect(asked).toEqual(['a', 'b']);
});

it.each(['', '0', 'soon', '-5'])('asks again at once after 429 with Retry-After %j', async (said) => {
  const { asked, script, held } = scripted();
  script.next = () => slowly(said);
  await held.load('a', options);
  await held.load('a', options);
  expect(asked).toHaveLength(2);
});

it('asks again at once after a failure that named no time, or after a bug', async () => {
  const { asked, script, held } = scripted();
  for (const failure of [
    new AppError('origin-failed', 'It is away.'),
    new AppError('origin-failed', 'It answered 503.', { retryAfterSeconds: 0 }),
    new AppError('overloaded', 'No memory.', { retryAfterSeconds: 60 }),
  ]) {
    script.next = () => failure;
    await expect(held.load('a', options)).rejects.toBe(failure);
  }
  expect(asked).toHaveLength(3);
});

it('remembers a thousand keys, and forgets the oldest first', async () => {
  const { asked, script, held } = scripted();
  script.next = () => slowly('60');
  for (let key = 0; key <= 1000; key += 1) await held.load(`${key}`, options);
  await held.load('1000', options);
  expect(asked).toHaveLength(1001);
  await held.load('0', options);
  expect(asked).toHaveLength(1002);
});
