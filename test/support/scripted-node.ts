// What a Redis node needs, over a scripted server, a scripted token source and a fake clock.

import { TokenKeeper } from '../../src/auth/token-keeper.ts';
import type { Token } from '../../src/auth/token.ts';
import { Admission } from '../../src/redis/admission.ts';
import type { RedisNodeOptions } from '../../src/redis/node.ts';
import { ClientTracking } from '../../src/redis/tracking.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { ScriptedServer } from './scripted-server.ts';
import { ScriptedSource, tokenOf } from './tokens.ts';

export const hourMs = 3_600_000;

export class ScriptedNode {
  readonly clock = new FakeClock();
  readonly server = new ScriptedServer();
  readonly source = new ScriptedSource();
  readonly events: AppEvent[] = [];
  readonly keeper: TokenKeeper;
  readonly tracking: ClientTracking;
  readonly options: RedisNodeOptions;

  constructor() {
    const { clock, server, source } = this;
    const parts = { clock, random: () => 0, emit: (event: AppEvent) => void this.events.push(event) };
    this.keeper = new TokenKeeper({ source, ...parts });
    this.tracking = new ClientTracking(parts);
    let id = 0;
    this.options = {
      ...parts,
      tracking: this.tracking,
      keeper: this.keeper,
      admission: new Admission({ keeper: this.keeper, ...parts }),
      shakeHands: server.shakeHands,
      nextConnectionId: () => (id += 1),
      instances: () => 1,
      failFastAfterMs: 2000,
      connection: {
        hostname: 'cache',
        port: 10_000,
        tls: false,
        username: undefined,
        connectTimeoutMs: 5000,
        pingAfterMs: 60_000,
      },
    };
  }

  /** The credential has a token. */
  async bringToken(lifetimeMs = hourMs): Promise<Token> {
    this.keeper.start();
    if (this.source.pending.length === 0) void this.keeper.renew();
    const token = tokenOf(this.clock.nowMs(), lifetimeMs);
    this.source.take().answer(token);
    await settle();
    return token;
  }

  /** Events of connections, by their types. */
  get told(): readonly string[] {
    return this.events.map(({ type }) => type).filter((type) => type.startsWith('connection'));
  }
}
