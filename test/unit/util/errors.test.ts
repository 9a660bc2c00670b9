import { connect, type LookupFunction } from 'node:net';
import { expect, it } from 'vitest';
import { describe as inOneLine } from '../../../src/util/errors.ts';

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
