// What became of the requests of an exporter to Azure Monitor. It calls success itself whatever it would keep on the disk
// and try again later, though it is told to keep nothing there: a missing role (403), too much (429), an endpoint that
// cannot be reached (in 1.0.0-beta.47 FileSystemPersist.push resolves to true where storage is off).

import { AsyncLocalStorage } from 'node:async_hooks';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import type { Exporter } from './late-exporter.ts';

/** Of one export; the last of its requests counts, which may have been redirected. */
interface Outcome {
  failure: Error | undefined;
}

interface Request {
  /** In milliseconds; 0 for none. */
  timeout: number;
}

/** A policy of the Azure SDK's pipeline that remembers how each request has ended, for the export that it belongs to. */
export class RequestOutcomes {
  readonly name = 'request-outcomes';
  readonly #timeoutMs: number;
  readonly #exporting = new AsyncLocalStorage<Outcome>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Calls `begin`, whose requests tell `outcome` how they have ended. */
  of<T>(outcome: Outcome, begin: () => T): T {
    return this.#exporting.run(outcome, begin);
  }

  async sendRequest<Q extends Request, R extends { readonly status: number }>(
    request: Q,
    next: (request: Q) => Promise<R>,
  ): Promise<R> {
    const outcome = this.#exporting.getStore() ?? { failure: undefined };
    request.timeout = this.#timeoutMs;
    try {
      const response = await next(request);
      // 206: some of it was not taken.
      outcome.failure = response.status === 200 ? undefined : refused(response.status);
      return response;
    } catch (error) {
      outcome.failure = isTimeout(error) ? late() : asError(error);
      throw error;
    }
  }
}

/** The exporter, whose exports have failed where their requests have. */
export function byResponse<T>(exporter: Exporter<T>, outcomes: RequestOutcomes): Exporter<T> {
  return {
    export(items, done) {
      const outcome: Outcome = { failure: undefined };
      let isDone = false;
      const finish = (result: ExportResult): void => {
        // That of spans says a second time how it went: well.
        if (isDone) return;
        isDone = true;
        const { failure } = outcome;
        done(failure === undefined ? result : { code: ExportResultCode.FAILED, error: failure });
      };
      return outcomes.of(outcome, () => exporter.export(items, finish));
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: async () => exporter.shutdown(),
  };
}

function refused(status: number): Error {
  return Object.assign(new Error(`Azure Monitor answered ${status}.`), { code: status });
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function late(): Error {
  return Object.assign(new Error('Azure Monitor did not answer in time.'), { code: 'ETIMEDOUT' });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('The request failed.', { cause: error });
}
