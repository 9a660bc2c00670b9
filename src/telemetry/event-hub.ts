// The events of some parts of a process apart from those of others: of one client where there are two, say.

import { shielded } from '../util/shielded.ts';
import type { AppEvent, AppEventType, Emit } from './events.ts';

type Listener = (event: AppEvent) => void;

export class EventHub {
  readonly #listeners = new Map<AppEventType, Set<Listener>>();
  /** Publishes an event to the listeners of this hub, and passes it on. Never throws. */
  readonly emit: Emit;

  /** @param onward hears every event as well. */
  constructor(onward: Emit) {
    this.emit = (event) => {
      for (const listener of this.#listeners.get(event.type) ?? []) listener(event);
      onward(event);
    };
  }

  /** Listens to one type of event; returns how to stop. What a listener throws is ignored. */
  on<T extends AppEventType>(type: T, listener: (event: Extract<AppEvent, { type: T }>) => void): () => void {
    // The same function may be given twice, and taken back once.
    const own = shielded((event: AppEvent) => listener(event as Extract<AppEvent, { type: T }>));
    let listeners = this.#listeners.get(type);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(type, listeners);
    }
    listeners.add(own);
    return () => listeners.delete(own);
  }
}
