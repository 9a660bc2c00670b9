// The way to Redis in trouble, under rotations.

import { describe, expect, it } from 'vitest';
import { allCaches } from '../support/caches.ts';
import { nextRotation, runScenario, tokenLifetimeMs, wasPrompt } from '../support/scenario.ts';
import { eventually, sleep } from '../support/eventually.ts';

describe.concurrent.each(allCaches)('no read of $cache fails', ({ cluster, nodes }) => {
  const options = { cluster };

  it('when all connections are cut ten times, and each rotation still costs one AUTH', async () => {
    let authsOfOldest: readonly string[] = [];
    let expiriesOfOldest: readonly (number | undefined)[] = [];
    const seen = await runScenario(async ({ app, cutAll }) => {
      const { front } = app.stack;
      const live = (): number =>
        front.connections.filter(({ closedAtMs, auths }) => closedAtMs === undefined && auths.length > 0)
          .length;
      for (let cuts = 0; cuts < 10; cuts += 1) {
        // A read is tried on two connections, not on three: on a busy machine a handshake takes its time.
        await eventually(() => expect(live()).toBeGreaterThanOrEqual(nodes));
        await sleep(300);
        await cutAll();
      }
      await nextRotation(app);
      await nextRotation(app);
      const { auths } = await eventually(
        () =>
          front.connections.find((one) => one.closedAtMs === undefined && one.auths.length > 1) ??
          expect.unreachable('None has lived through a rotation.'),
      );
      authsOfOldest = auths.map(({ command }) => command);
      expiriesOfOldest = auths.map(({ tokenExpiresAtMs }) => tokenExpiresAtMs);
    }, options);
    expect(seen.troubled).toEqual([]);
    expect(authsOfOldest[0]).toBe('HELLO');
    expect(new Set(expiriesOfOldest).size).toBe(authsOfOldest.length);
    // A cluster's endpoint may be entered again while none of its nodes is connected. What hears announcements is
    // not in a hurry: it may not have been there to be cut.
    const most = (cluster ? nodes + 1 : nodes) + 1;
    expect(seen.auths).toBeLessThanOrEqual(seen.rotations * most);
    const accepted = seen.app.stack.front.stats.connectionsAccepted;
    expect(accepted).toBeGreaterThanOrEqual(11 * nodes);
    // A connection that the machine has kept waiting is given up, and made anew.
    if (wasPrompt(seen)) expect(accepted).toBeLessThanOrEqual(11 * most);
  });

  it('when the token it started with is revoked and the connection is cut', async () => {
    const seen = await runScenario(async ({ app }) => {
      for (let rounds = 0; rounds < 3; rounds += 1) {
        const old = [...app.stack.issuer.issued];
        await nextRotation(app);
        for (const token of old) await app.stack.front.revoke(token);
        app.stack.front.cutAll();
        await sleep(500);
      }
    }, options);
    expect(seen.troubled).toEqual([]);
    expect(seen.rejectedAuths).toBe(0);
  });

  it('when AUTH on the live connection fails: another is ready before the server cuts the first', async () => {
    // A connection is replaced in the last part of its token's life, which has to be long enough for a busy machine.
    const longerMs = 2 * tokenLifetimeMs;
    const seen = await runScenario(
      async ({ app, rotations }) => {
        app.stack.front.setBehaviour('refuse-auth');
        await rotations(3);
        // Until the token before the last has ended: a connection that was left on it would be cut now.
        await sleep(longerMs / 2);
      },
      { ...options, tokenLifetimeMs: longerMs },
    );
    expect(seen.troubled).toEqual([]);
    expect(seen.output).toContain('connectionReauthenticationFailed');
    expect(seen.output).toContain('connectionReplaced');
    if (!wasPrompt(seen)) return;
    // None was cut by the server: each was left in time for its successor.
    const { connections } = seen.app.stack.front;
    const said = seen.output.split('\n').filter((line) => line.includes(' connection'));
    expect(
      connections.filter(({ closedBecause }) => closedBecause === 'expired'),
      said.join('\n'),
    ).toEqual([]);
    expect(seen.output).not.toContain('connectionLost');
  });
});
