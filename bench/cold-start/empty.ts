// A function that does nothing: what Node.js, the host and @azure/functions cost. Bundled by apps.ts.

import { app } from '@azure/functions';

app.http('readCache', {
  methods: ['GET'],
  route: 'cache/{*key}',
  authLevel: 'function',
  handler: async () => ({ body: 'nothing' }),
});
