// What happens in this process, as typed events on node:diagnostics_channel.

import { channel, type Channel } from 'node:diagnostics_channel';
import { shielded } from '../util/shielded.ts';
import type { PurgeEvent, RollCallEnded, RollCallHeard } from './fleet-events.ts';

/** What a connection is for: the loss of one for subscriptions costs announcements, and no read. */
export type ConnectionPurpose = 'commands' | 'subscriptions';

/** Names of the channels are `redis-entra-functions.<type>`. No event carries a token or a cached value. */
export type AppEvent =
  | RollCallEnded
  /** Nobody could be called; instances renew by themselves. On the instance that ran the timer. */
  | { readonly type: 'rollCallFailed'; readonly code: string; readonly reason: string }
  | RollCallHeard
  | PurgeEvent
  | OriginEvent
  | ClusterEvent
  /** What Redis holds under some key begins like an entry but is not one; it counts as a miss. */
  | { readonly type: 'entryInvalid'; readonly reason: string }
  /** A newer version of the app wrote some entry, which this one leaves alone; told once for each version. */
  | {
      readonly type: 'entryNewer';
      /** Of the entry's form. */
      readonly version: number;
      /** The field that is not understood; undefined where the version itself is not. */
      readonly field?: string;
    }
  /** Redis does not say which keys change: nothing is kept in memory, or for a set time only. Once for each client. */
  | { readonly type: 'trackingRefused'; readonly reason: string }
  | RefusalEvent
  | SheddingEvent
  | TelemetryEvent
  | CacheShared
  | SigningKeysEvent
  | {
      readonly type: 'tokenRotated';
      readonly expiresAtMs: number;
      readonly timeLeftMs: number;
      /** Time left on the token that was replaced; undefined for the first token. */
      readonly previousTimeLeftMs: number | undefined;
      readonly requestMs: number;
    }
  | {
      readonly type: 'tokenRenewalFailed';
      readonly reason: string;
      readonly requestMs: number;
      readonly failedAttempts: number;
      readonly timeLeftMs: number;
    }
  | {
      readonly type: 'tokenNotAdvancing';
      readonly requestMs: number;
      readonly failedAttempts: number;
      readonly timeLeftMs: number;
    }
  | { readonly type: 'tokenExpired'; readonly expiredAtMs: number; readonly failedAttempts: number }
  | {
      readonly type: 'connectionReady';
      readonly connectionId: number;
      readonly purpose: ConnectionPurpose;
      /** `<host>:<port>`: the cache's, or that of one node of a cluster. */
      readonly address: string;
      readonly connectMs: number;
      readonly timeLeftMs: number;
    }
  | {
      readonly type: 'connectionLost';
      readonly connectionId: number;
      readonly purpose: ConnectionPurpose;
      readonly reason: string;
      readonly livedMs: number;
    }
  | {
      readonly type: 'connectionFailed';
      readonly purpose: ConnectionPurpose;
      readonly code: string;
      readonly reason: string;
      readonly attempt: number;
      readonly retryInMs: number;
    }
  | {
      readonly type: 'connectionReplaced';
      readonly connectionId: number;
      readonly successorId: number;
      readonly reason: string;
    }
  | {
      readonly type: 'connectionReauthenticated';
      readonly connectionId: number;
      readonly authMs: number;
      readonly timeLeftMs: number;
    }
  | {
      readonly type: 'connectionReauthenticationFailed';
      readonly connectionId: number;
      readonly reason: string;
      readonly authMs: number;
      readonly timeLeftMs: number;
    };

/** Why Redis refused a command that is valid. */
export type RefusalCause =
  | 'out-of-memory'
  | 'no-permission'
  | 'read-only'
  | 'too-few-replicas'
  | 'cannot-persist'
  | 'busy-script'
  | 'loading'
  | 'primary-down'
  | 'cluster-down'
  | 'too-many-clients'
  | 'unknown-command'
  | 'other';

/** At the first command that a server refuses for a cause, and the first that it accepts again. */
export type RefusalEvent =
  | {
      readonly type: 'commandRefused';
      readonly cause: RefusalCause;
      /** Its name, `EVAL` for a script. */
      readonly command: string;
      readonly reason: string;
      readonly address: string;
    }
  | {
      readonly type: 'commandAccepted';
      readonly cause: RefusalCause;
      readonly command: string;
      readonly refusedMs: number;
      /** How many commands were refused. */
      readonly refusals: number;
      readonly address: string;
    };

/** At the first value that did not fit into this instance's memory, and when none was refused for 10 s. */
export type SheddingEvent =
  | { readonly type: 'sheddingStarted'; readonly valueBytes: number; readonly totalBytes: number }
  | {
      readonly type: 'sheddingEnded';
      /** Between the first refusal and the last. */
      readonly shedMs: number;
      /** How many values were refused. */
      readonly refusals: number;
    };

/** Of the app: spans or metrics cannot be sent; told once until they can be again. */
export type TelemetryEvent =
  | {
      readonly type: 'telemetryExportFailing';
      readonly signal: 'traces' | 'metrics';
      readonly to: 'otlp' | 'azure-monitor';
      readonly reason: string;
    }
  | {
      readonly type: 'telemetryExportRecovered';
      readonly signal: 'traces' | 'metrics';
      readonly to: 'otlp' | 'azure-monitor';
    };

/** Nodes are named by `<host>:<port>`. */
export type ClusterEvent =
  | {
      readonly type: 'topologyChanged';
      readonly primaries: number;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  /** REDIS_CLUSTERING_POLICY does not fit the cache; once. */
  | { readonly type: 'clusteringPolicyWrong'; readonly reason: string };

/** Another app of this project uses the same cache, and its keys can collide with this one's; once for each. */
export interface CacheShared {
  readonly type: 'cacheShared';
  /** The other one's name. */
  readonly app: string;
  readonly reason: string;
}

/** At the failures that make an outage, and the first load that is answered again. */
export type OriginEvent =
  /** `origin` names one of `ORIGIN_RULES`. */
  | {
      readonly type: 'originFailing';
      readonly code: string;
      readonly reason: string;
      readonly origin?: string;
    }
  /** An answer of the origin is not stored; once for each reason. */
  | { readonly type: 'answerNotStored'; readonly reason: string }
  | {
      readonly type: 'originRecovered';
      readonly failedMs: number;
      readonly failures: number;
      readonly origin?: string;
    };

/** Of the keys that the tokens of callers are verified with. */
export type SigningKeysEvent =
  /** They are others than before, or the first. */
  | { readonly type: 'signingKeysRead'; readonly keys: number; readonly requestMs: number }
  | {
      readonly type: 'signingKeysUnavailable';
      readonly reason: string;
      /** That are known and go on being used; 0: no caller is let in. */
      readonly keys: number;
    };

export type AppEventType = AppEvent['type'];

/** Publishes an event. Never throws. */
export type Emit = (event: AppEvent) => void;

const prefix = 'redis-entra-functions.';
const channels = new Map<AppEventType, Channel>();

function channelOf(type: AppEventType): Channel {
  let found = channels.get(type);
  if (found === undefined) {
    found = channel(prefix + type);
    channels.set(type, found);
  }
  return found;
}

export const emit: Emit = (event) => {
  const target = channelOf(event.type);
  if (target.hasSubscribers) target.publish(event);
};

/**
 * Listens to one type of event; returns how to stop. A listener that throws is ignored: Node would raise
 * an uncaughtException for it (https://nodejs.org/api/diagnostics_channel.html#channelpublishmessage),
 * and that ends the worker with every function in it.
 */
export function onEvent<T extends AppEventType>(
  type: T,
  listener: (event: Extract<AppEvent, { type: T }>) => void,
): () => void {
  const guarded = shielded((message: unknown) => listener(message as Extract<AppEvent, { type: T }>));
  const target = channelOf(type);
  target.subscribe(guarded);
  return () => target.unsubscribe(guarded);
}
