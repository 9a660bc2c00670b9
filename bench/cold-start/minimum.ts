// The least that one would write by hand: a token as the password, one client, one GET. Bundled by apps.ts.
// It never renews, reconnects or limits anything.

import { app } from '@azure/functions';
import { connectPlainClient } from '../support/plain-client.ts';

const connecting = connectPlainClient();

app.http('readCache', {
  methods: ['GET'],
  route: 'cache/{*key}',
  authLevel: 'function',
  handler: async (request) => {
    const client = await connecting;
    const value = await client.get(request.params['key'] ?? '');
    return value === null ? { status: 404 } : { body: value };
  },
});
