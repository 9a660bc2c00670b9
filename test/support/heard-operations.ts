// A listener to operations as a tracer is one: which began inside which other, and how each ended.

import { AsyncLocalStorage } from 'node:async_hooks';
import { onTestFinished } from 'vitest';
import { onOperations, type Operation, type OperationType } from '../../src/telemetry/operations.ts';

export interface HeardOperation {
  readonly operation: Operation;
  readonly parent: Operation | undefined;
  isEnded: boolean;
}

export interface Heard {
  /** In the order in which they began. */
  readonly all: readonly HeardOperation[];
  /** The only one of its type. */
  one<T extends OperationType>(type: T): Operation<T>;
  /** Each as `type in parent`. */
  readonly tree: readonly string[];
}

/** Hears all operations until the test ends. */
export function heardOperations(): Heard {
  const current = new AsyncLocalStorage<Operation>();
  const all: HeardOperation[] = [];
  const begun = (operation: Operation): void => {
    all.push({ operation, parent: current.getStore(), isEnded: false });
    if (operation.type === 'lockWait') operation.traceParent = traceParentOf(all.length);
    operation.within = (work) => current.run(operation, work);
  };
  const ended = (operation: Operation): void => {
    const heard = all.find((one) => one.operation === operation);
    if (heard === undefined || heard.isEnded) throw new Error('An operation ended that is not under way.');
    heard.isEnded = true;
  };
  onTestFinished(onOperations({ begun, ended }));
  return {
    all,
    one(type) {
      const [found, ...others] = all.filter(({ operation }) => operation.type === type);
      if (found === undefined || others.length > 0) throw new Error(`Expected one ${type}, and no other.`);
      return found.operation as never;
    },
    get tree() {
      return all.map(({ operation, parent }) => `${operation.type} in ${parent?.type ?? 'nothing'}`);
    },
  };
}

function traceParentOf(number: number): string {
  return `00-${'a'.repeat(32)}-${number.toString(16).padStart(16, '0')}-01`;
}
