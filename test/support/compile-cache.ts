// Before a test file: what it starts need not compile again what others have, which is a third of the start of a
// Functions worker. The test itself does without: at its end a worker of Vitest would write all that it has compiled.

import { inject } from 'vitest';

process.env['NODE_COMPILE_CACHE'] = inject('compileCacheDirectory');
