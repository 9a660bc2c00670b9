import { expect, it } from 'vitest';
import { ownName } from '../../../src/redis/own-name.ts';

it('a name of the app has a control character, which no key has that is asked for over HTTP', () => {
  expect(ownName('ref', 'lock')).toBe('ref:\u001Flock');
});
