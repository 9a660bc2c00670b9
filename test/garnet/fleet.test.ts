// The roll call over Garnet: announcements and reports through its Pub/Sub, on connections with Entra tokens.

import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startGarnetApp, type GarnetApp } from '../support/garnet-app.ts';

interface FleetView {
  readonly instances: readonly { readonly status: string }[];
  readonly rollCalls: readonly Readonly<Record<'expected' | 'answered' | 'failed' | 'silent', number>>[];
}

async function view(app: GarnetApp): Promise<FleetView> {
  const response = await app.fetch('/api/fleet');
  expect(response.status).toBe(200);
  return (await response.json()) as FleetView;
}

it('reaches every instance, and no connection is lost by it', async () => {
  await using app = await startGarnetApp({ instances: 3 });
  await eventually(async () => expect((await view(app)).instances).toHaveLength(3));
  const headers = { 'Content-Type': 'application/json' };
  const init = { method: 'POST', headers, body: '{"input":""}' };
  expect((await app.fetch('/admin/functions/reauthenticate', init)).status).toBe(202);
  await eventually(async () => expect((await view(app)).rollCalls).toHaveLength(1));
  const { instances, rollCalls } = await view(app);
  expect(rollCalls).toMatchObject([{ expected: 3, answered: 3, failed: 0, silent: 0 }]);
  expect(instances.map(({ status }) => status)).toEqual(['answered', 'answered', 'answered']);
  expect(app.host.logs().filter(({ message }) => message.startsWith('connectionLost '))).toEqual([]);
});
