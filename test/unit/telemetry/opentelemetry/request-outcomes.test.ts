import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { byResponse, RequestOutcomes } from '../../../../src/telemetry/opentelemetry/request-outcomes.ts';

type Answer = () => Promise<{ readonly status: number }>;

const works: ExportResult = { code: ExportResultCode.SUCCESS };
const timeoutMs = 1234;
let outcomes: RequestOutcomes;
let timeoutsMs: number[];

beforeEach(() => {
  outcomes = new RequestOutcomes(timeoutMs);
  timeoutsMs = [];
});

const next = (answer: Answer) => async (request: { timeout: number }) => {
  timeoutsMs.push(request.timeout);
  return answer();
};

/** Sends a request for each answer in turn, and calls that success, as the exporter of Azure Monitor does. */
const exporter = {
  export: (answers: readonly Answer[], done: (result: ExportResult) => void): void => {
    void (async () => {
      for (const answer of answers) await outcomes.sendRequest({ timeout: 0 }, next(answer)).catch(() => {});
      done(works);
    })();
  },
  shutdown: async () => {},
};

const send = async (...answers: Answer[]): Promise<ExportResult> =>
  new Promise((resolve) => byResponse(exporter, outcomes).export(answers, resolve));
const status =
  (code: number): Answer =>
  async () => ({ status: code });
const failing =
  (error: unknown): Answer =>
  async () => {
    throw error;
  };

describe('an export to Azure Monitor', () => {
  it('has succeeded where its request has', async () => {
    expect(await send(status(200))).toEqual(works);
    expect(timeoutsMs).toEqual([timeoutMs]);
  });

  it('has succeeded where nothing was sent', async () => {
    expect(await send()).toEqual(works);
  });

  it.each([206, 400, 403, 429, 503])('has failed with %i', async (code) => {
    expect(await send(status(code))).toMatchObject({ code: ExportResultCode.FAILED, error: { code } });
  });

  it('has failed where there was no answer', async () => {
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const aborted = Object.assign(new Error('aborted'), { name: 'AbortError' });
    expect((await send(failing(refused))).error).toBe(refused);
    expect((await send(failing(aborted))).error).toMatchObject({ code: 'ETIMEDOUT' });
    expect((await send(failing('no error'))).error).toMatchObject({ cause: 'no error' });
  });

  it('is judged by its last request: it may be redirected', async () => {
    expect(await send(status(308), status(200))).toEqual(works);
    expect(await send(status(308), status(403))).toMatchObject({ error: { code: 403 } });
  });

  it('is judged by its own requests, also beside others', async () => {
    let open = (): void => {};
    const late = new Promise<{ status: number }>((resolve) => {
      open = () => resolve({ status: 200 });
    });
    const first = send(async () => late);
    expect(await send(status(403))).toMatchObject({ code: ExportResultCode.FAILED });
    open();
    expect(await first).toEqual(works);
  });

  it('is over once: an exporter may say afterwards that all is well', async () => {
    const fails: ExportResult = { code: ExportResultCode.FAILED, error: new Error('no token') };
    const own = {
      ...exporter,
      export: (_: unknown, done: (result: ExportResult) => void): void => {
        done(fails);
        done(works);
      },
    };
    const said: ExportResult[] = [];
    byResponse(own, outcomes).export([], (result) => said.push(result));
    expect(said).toEqual([fails]);
  });

  it('passes on what the exporter throws', async () => {
    const own = { ...exporter, export: async () => Promise.reject(new Error('a bug')) };
    await expect(byResponse(own, outcomes).export([], () => {})).rejects.toThrow('a bug');
  });

  it('is ended with its exporter', async () => {
    const ended: string[] = [];
    const own = {
      ...exporter,
      forceFlush: async () => void ended.push('flushed'),
      shutdown: async () => void ended.push('shut down'),
    };
    const judged = byResponse(own, outcomes);
    await judged.forceFlush?.();
    await judged.shutdown();
    await byResponse(exporter, outcomes).forceFlush?.();
    expect(ended).toEqual(['flushed', 'shut down']);
  });
});
