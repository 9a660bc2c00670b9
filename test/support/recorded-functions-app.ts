// `app` of @azure/functions as an export sees it: keeps what is registered on it, and ends when told.

import type { AppTerminateHandler, HttpFunctionOptions, TimerFunctionOptions } from '@azure/functions';
import type { FunctionsApp } from '../../src/exports/functions-app.ts';

export interface RecordedFunctionsApp extends FunctionsApp {
  readonly httpFunctions: ReadonlyMap<string, HttpFunctionOptions>;
  readonly timerFunctions: ReadonlyMap<string, TimerFunctionOptions>;
  /** How many hooks wait for the end of the app. */
  readonly hooks: number;
  end(): Promise<void>;
}

export function recordedFunctionsApp(): RecordedFunctionsApp {
  const httpFunctions = new Map<string, HttpFunctionOptions>();
  const timerFunctions = new Map<string, TimerFunctionOptions>();
  const hooks: AppTerminateHandler[] = [];
  const checked = (name: string): string => {
    // As the host does.
    if (httpFunctions.has(name) || timerFunctions.has(name)) throw new Error(`There is a function ${name}.`);
    return name;
  };
  return {
    httpFunctions,
    timerFunctions,
    get hooks() {
      return hooks.length;
    },
    http: (name, options) => void httpFunctions.set(checked(name), options),
    timer: (name, options) => void timerFunctions.set(checked(name), options),
    hook: {
      appTerminate(handler) {
        hooks.push(handler);
        return { dispose() {} };
      },
    },
    async end() {
      for (const hook of hooks) await hook({} as Parameters<AppTerminateHandler>[0]);
    },
  };
}
