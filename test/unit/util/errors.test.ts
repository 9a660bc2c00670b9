import { connect, type LookupFunction } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { ReplyError } from '../../../src/redis/reply-error.ts';
import { overloaded } from '../../../src/util/byte-budget.ts';
import { AppError, describe as inOneLine } from '../../../src/util/errors.ts';

it('says why no address of a host could be reached, where Node.js gives an error without a message', async () => {
  const error = await new Promise<Error>((resolve) => {
    const lookup: LookupFunction = (_host, _options, done) =>
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ]);
    // Nobody listens on the discard port.
    connect({ host: 'cache.example.com', port: 9, lookup, autoSelectFamily: true }).on('error', resolve);
  });
  expect(error).toBeInstanceOf(AggregateError);
  expect(inOneLine(error)).toContain('ECONNREFUSED');
});

describe('an error', () => {
  it('keeps its cause, and says whether asking again makes sense', () => {
    const cause = new Error('below');
    const error = new AppError('origin-failed', 'No.', { cause, retryAfterSeconds: 5, isOfOneEntry: true });
    expect(error).toMatchObject({ cause, retryable: true, retryAfterSeconds: 5, isOfOneEntry: true });
    expect(new AppError('settings-invalid', 'No.')).toMatchObject({ retryable: false, isOfOneEntry: false });
    expect(new AppError('settings-invalid', 'No.')).not.toHaveProperty('cause');
    expect(overloaded()).toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
  });

  it('is one also where another build of this code has made it', async () => {
    vi.resetModules();
    const other = await import('../../../src/util/errors.ts');
    expect(other.AppError).not.toBe(AppError);
    expect(new other.AppError('stopped', 'No.')).toBeInstanceOf(AppError);
    expect(new Error('No.')).not.toBeInstanceOf(AppError);
    expect(null).not.toBeInstanceOf(AppError);
    expect(new AppError('stopped', 'No.')).not.toBeInstanceOf(ReplyError);
  });

  it.each([
    [new Error('two\n lines '), 'two lines'],
    [new TypeError(''), 'TypeError'],
    [new AggregateError([new Error('first'), new Error('second')]), 'first'],
    [new AggregateError([], 'none inside'), 'none inside'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [new Error('got eyJhbGciOiJub25lIn0.eyJvaWQiOiIxIn0.c2ln here'), 'got [token] here'],
  ])('is one line: %j', (thrown, line) => {
    expect(inOneLine(thrown)).toBe(line);
  });
});
