// Around each test file that starts processes. What they start need not compile again what others have, which is a third
// of the start of a Functions worker (the test itself does without: at its end a worker of Vitest would write all that it
// has compiled). What the file has set for its own process is unset for the next one.

import { afterAll, inject, vi } from 'vitest';

process.env['NODE_COMPILE_CACHE'] = inject('compileCacheDirectory');

afterAll(() => {
  vi.unstubAllEnvs();
});
