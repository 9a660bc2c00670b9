// Every valid key comes out of its path as it went in: through the URL parser of the caller, the host, and the app.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTarget } from '../../local/functions-host/http/request-target.ts';
import { Router } from '../../local/functions-host/routing.ts';
import { checkKey as checkEntryKey } from '../../src/cache/key.ts';
import { checkKey, pathOf } from '../../src/client/address.ts';
import { keyFromRoute } from '../../src/http/entry-key.ts';

const router = new Router(
  [
    {
      name: 'readCache',
      bindings: { http: { type: 'httpTrigger', route: 'cache/{*key}', methods: ['GET'] } },
    } as never,
  ],
  'api',
);
const rules = { prefix: '', namespace: 'ref' };
const app = { keyOf: (name: string) => checkEntryKey(name, rules) };

/** What the app takes the path for; undefined where the host finds no route. */
function keyAsked(path: string): string | undefined {
  const { pathname, search } = new URL(`https://my-app.azurewebsites.net/api/cache/${path}`);
  const match = router.match('GET', parseTarget('GET', `${pathname}${search}`)?.path ?? '');
  return match && keyFromRoute({ params: match.params } as never, app).name;
}

const pieces =
  String.raw`. .. / // \ @ ? # & = ; : % %% %2e %2E%2E %2f %2F %5C %25 + * ' ( ~ | ^ [ ] { a ü 🔑 é`.split(
    ' ',
  );
const keys = fc.oneof(
  fc.array(fc.constantFrom(...pieces, ' ', '\u00A0', '\uFEFF'), { maxLength: 8 }).map((all) => all.join('')),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
);
const isValid = (key: string): boolean => app.keyOf(key).kind === 'valid';

it('a path means the key that it was made of', () => {
  fc.assert(
    fc.property(keys.filter(isValid), (key) => {
      const path = pathOf(key);
      if (path === undefined) expect(key === '.' || key === '..' || /%2f/iu.test(key)).toBe(true);
      else expect(keyAsked(path)).toBe(key);
    }),
    { numRuns: 3000 },
  );
});

it('what the client refuses, the app would refuse, and nothing else but reserved keys', () => {
  const isReserved = (key: string): boolean => key.startsWith('ref:');
  const isTaken = (key: string): boolean => {
    try {
      checkKey(key);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(fc.oneof(keys, fc.string({ minLength: 340, maxLength: 1100, unit: 'binary' })), (key) => {
      expect(isTaken(key)).toBe(isValid(key) || isReserved(key));
    }),
    { numRuns: 2000 },
  );
});
