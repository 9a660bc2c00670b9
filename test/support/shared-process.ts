// Around each test file that starts processes. What they start need not compile again what others have, which is a third
// of the start of a Functions worker (the test itself does without: at its end a worker of Vitest would write all that it
// has compiled). What the file puts into the environment of its own process is not there for the next one.

import { afterAll, inject } from 'vitest';

const before = { ...process.env };
process.env['NODE_COMPILE_CACHE'] = inject('compileCacheDirectory');

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});
