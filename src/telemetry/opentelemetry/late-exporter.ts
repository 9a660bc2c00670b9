// An exporter that is loaded when there is something to export, and tells when it begins to fail and when it works
// again. So a start loads none, and an unreachable collector is told of once.

import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { errorTypeOf } from './error-type.ts';

/** What exporters of spans and of metrics have in common. */
export interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): unknown;
  forceFlush?(): Promise<void>;
  shutdown(): Promise<void>;
}

export interface Watch {
  readonly onFailing: (reason: string) => void;
  readonly onRecovered: () => void;
}

export class LateExporter<T> implements Exporter<T> {
  readonly #load: () => Promise<Exporter<T>>;
  readonly #watch: Watch;
  #loading: Promise<Exporter<T>> | undefined;
  #isFailing = false;

  constructor(load: () => Promise<Exporter<T>>, watch: Watch) {
    this.#load = load;
    this.#watch = watch;
  }

  export(items: T, done: (result: ExportResult) => void): void {
    const finish = (result: ExportResult): void => {
      this.#judge(result);
      done(result);
    };
    this.#loading ??= this.#load();
    this.#loading
      .then(
        (exporter) => exporter.export(items, finish),
        (error: Error) => finish({ code: ExportResultCode.FAILED, error }),
      )
      .catch((error: Error) => finish({ code: ExportResultCode.FAILED, error }));
  }

  async forceFlush(): Promise<void> {
    await (await this.#loading)?.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    await (await this.#loading)?.shutdown();
  }

  #judge({ code, error }: ExportResult): void {
    const hasFailed = code !== ExportResultCode.SUCCESS;
    if (hasFailed === this.#isFailing) return;
    this.#isFailing = hasFailed;
    if (hasFailed) this.#watch.onFailing(reasonOf(error));
    else this.#watch.onRecovered();
  }
}

/** `HTTP 401`, `ECONNREFUSED`: a collector's own words may be anything. */
function reasonOf(error: Error | undefined): string {
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  if (typeof code === 'number') return `HTTP ${code}`;
  return errorTypeOf(cause instanceof Error ? cause : error);
}
