// A change that clients make, as it is counted and told of to who listens.

import type { Measures } from '../telemetry/measures.ts';
import { operation, type OperationFields } from '../telemetry/operations.ts';
import type { PurgeOutcome } from './purge-call.ts';
import type { RemoveResult, WriteResult } from './tier.ts';

type Changed = WriteResult | RemoveResult | PurgeOutcome;

/** Runs `work` as one operation. */
export function countedChange<T extends Changed>(
  { events }: Pick<Measures, 'events'>,
  begin: () => OperationFields['cacheWrite'],
  work: () => Promise<T>,
): Promise<T> {
  return operation('cacheWrite', begin, async (own) => {
    const result = await work();
    const { kind }: Changed = result;
    if (own !== undefined) own.outcome = kind;
    const event = eventOf(kind);
    if (event !== undefined) events[event] += 1;
    return result;
  });
}

/** Undefined where nothing was changed, and nothing stood against it but the caller's condition. */
function eventOf(kind: Changed['kind']): 'written' | 'removed' | 'purges' | 'writesFailed' | undefined {
  switch (kind) {
    case 'created':
    case 'replaced':
      return 'written';
    case 'removed':
      return 'removed';
    case 'purged':
      return 'purges';
    case 'unavailable':
    case 'full':
    case 'wrong-type':
    case 'entry-newer':
      return 'writesFailed';
    case 'absent':
    case 'precondition-failed':
      return undefined;
  }
}
