// The places of loads, apart for each origin: one that hangs keeps no load of another waiting.

import type { Clock } from '../util/clock.ts';
import type { AppError } from '../util/errors.ts';
import { LoadPermits } from './load-permits.ts';
import { NestedLoadPermits } from './nested-permits.ts';
import type { Source } from './source.ts';

/** Each kind of load has places of its own. */
export interface Places {
  readonly loads: NestedLoadPermits;
  /** Of loads that store nothing. */
  readonly bypasses: NestedLoadPermits;
  readonly renewals: LoadPermits;
}

export interface LoadPlacesOptions {
  readonly clock: Clock;
  readonly requestBudgetMs: number;
}

// See nested-permits.ts for the others.
const renewalPlaces = { quick: 16, slow: 0, slowAfterMs: 5000 };

export class LoadPlaces {
  readonly #options: LoadPlacesOptions;
  readonly #common: Places;
  /** There are no more than origins. */
  readonly #byOrigin = new Map<object, Places>();
  #stopReason: AppError | undefined;

  constructor(options: LoadPlacesOptions) {
    this.#options = options;
    this.#common = placesOf(options);
  }

  of({ origin }: Source): Places {
    if (origin === undefined) return this.#common;
    let places = this.#byOrigin.get(origin);
    if (places === undefined) {
      places = placesOf(this.#options);
      if (this.#stopReason !== undefined) stop(places, this.#stopReason);
      this.#byOrigin.set(origin, places);
    }
    return places;
  }

  /** Ends all loads, and each that would begin after this. */
  stop(reason: AppError): void {
    this.#stopReason = reason;
    for (const places of [this.#common, ...this.#byOrigin.values()]) stop(places, reason);
  }
}

function placesOf({ clock, requestBudgetMs }: LoadPlacesOptions): Places {
  return {
    loads: new NestedLoadPermits(clock, requestBudgetMs),
    bypasses: new NestedLoadPermits(clock, requestBudgetMs),
    renewals: new LoadPermits({ clock, ...renewalPlaces }),
  };
}

function stop({ loads, bypasses, renewals }: Places, reason: AppError): void {
  for (const permits of [loads, bypasses, renewals]) permits.stop(reason);
}
