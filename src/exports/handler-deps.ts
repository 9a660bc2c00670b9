// What the HTTP handlers of an export have in common.

import { ByteBudget } from '../util/byte-budget.ts';

/** For handlers that hold no values. */
export const unlimited = new ByteBudget(Number.POSITIVE_INFINITY);
