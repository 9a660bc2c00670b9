import { expect, it } from 'vitest';
import { asAppError, isKnown, outageError, type Outage } from '../../../src/redis/outage.ts';
import { AppError } from '../../../src/util/errors.ts';

const outage: Outage = { kind: 'loss', sinceMs: 0, failures: 0, lastFailure: undefined };

it('is known once it is older than requests wait', () => {
  expect(isKnown(outage, 2000, 2000)).toBe(false);
  expect(isKnown(outage, 2001, 2000)).toBe(true);
});

it('is not known at a start that has not failed yet, however slow', () => {
  expect(isKnown({ ...outage, kind: 'start' }, 60_000, 2000)).toBe(false);
  expect(isKnown({ ...outage, kind: 'start', failures: 1 }, 60_000, 2000)).toBe(true);
});

it('fails requests with its last failure, and when to ask again', () => {
  const failure = new AppError('redis-rejected-identity', 'who?');
  expect(outageError(failure, 1200)).toMatchObject({
    code: 'redis-rejected-identity',
    message: 'who?',
    cause: failure,
    retryAfterSeconds: 2,
  });
  expect(outageError(undefined, 0)).toMatchObject({ code: 'redis-unavailable', retryAfterSeconds: 1 });
});

it('takes whatever is thrown', () => {
  const error = new AppError('stopped', '');
  expect(asAppError(error)).toBe(error);
  expect(asAppError('odd')).toMatchObject({ code: 'redis-unavailable', message: 'odd' });
});
