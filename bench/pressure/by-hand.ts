// The function that one would write by hand: one client, GET, and a batch of GETs. Bundled by apps.ts.
// It bounds nothing.

import { app } from '@azure/functions';
import { connectPlainClient } from '../support/plain-client.ts';

const connecting = connectPlainClient();

app.http('readCache', {
  methods: ['GET'],
  route: 'cache/{*key}',
  authLevel: 'function',
  handler: async (request) => {
    const value = await (await connecting).get(request.params['key'] ?? '');
    return value === null ? { status: 404 } : { body: value };
  },
});

app.http('readBatch', {
  methods: ['POST'],
  route: 'batch',
  authLevel: 'function',
  handler: async (request) => {
    const client = await connecting;
    const { keys } = (await request.json()) as { keys: string[] };
    return { jsonBody: { results: await Promise.all(keys.map(async (key) => client.get(key))) } };
  },
});
