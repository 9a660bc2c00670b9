import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { LateExporter } from '../../../../src/telemetry/opentelemetry/late-exporter.ts';

const works: ExportResult = { code: ExportResultCode.SUCCESS };
const fails = (error: Error): ExportResult => ({ code: ExportResultCode.FAILED, error });
let told: string[];
let loads: number;
let result: ExportResult;
let exporter: LateExporter<readonly string[]>;

beforeEach(() => {
  told = [];
  loads = 0;
  result = works;
  const load = async () => {
    loads += 1;
    return {
      export: (items: readonly string[], done: (own: ExportResult) => void) => {
        told.push(`export ${items.join()}`);
        done(result);
      },
      shutdown: async () => void told.push('shutdown'),
    };
  };
  exporter = new LateExporter(load, {
    onFailing: (reason) => told.push(`failing ${reason}`),
    onRecovered: () => told.push('recovered'),
  });
});

const send = async (...items: string[]): Promise<ExportResult> =>
  new Promise((resolve) => exporter.export(items, resolve));

describe('an exporter that is loaded late', () => {
  it('is loaded with the first items, once', async () => {
    expect(loads).toBe(0);
    expect([await send('a'), await send('b')]).toEqual([works, works]);
    await exporter.shutdown();
    expect([loads, told]).toEqual([1, ['export a', 'export b', 'shutdown']]);
  });

  it('is not loaded to be shut down', async () => {
    await exporter.forceFlush();
    await exporter.shutdown();
    expect(loads).toBe(0);
  });

  it('tells once that it fails, and that it works again', async () => {
    result = fails(Object.assign(new Error('secret'), { code: 401 }));
    await send();
    result = fails(Object.assign(new Error('secret'), { code: 'ECONNREFUSED' }));
    await send();
    result = works;
    await send();
    await send();
    result = fails(new Error('secret', { cause: Object.assign(new Error('secret'), { code: 'ENOTFOUND' }) }));
    await send();
    expect(told.filter((line) => !line.startsWith('export'))).toEqual([
      'failing HTTP 401',
      'recovered',
      'failing ENOTFOUND',
    ]);
  });

  it('fails where it cannot be loaded', async () => {
    const broken = new LateExporter(async () => Promise.reject(new TypeError('no such file')), {
      onFailing: (reason) => told.push(reason),
      onRecovered: () => {},
    });
    expect(await new Promise((resolve) => broken.export([], resolve))).toMatchObject({
      code: ExportResultCode.FAILED,
    });
    expect(told).toEqual(['TypeError']);
  });
});
