// batch: many keys, a hundred in one request.

import { checkKey } from './address.ts';
import { jsonIn } from './answer.ts';
import { exchangeRead, type ExchangeDeps } from './exchange.ts';
import { notRead, unavailable, unexpected } from './outcome.ts';
import { unavailableCodes, type BatchItem } from './results.ts';
import type { Scope } from './scope.ts';
import { valueOfBase64, valueOfText } from './value.ts';

export interface BatchDeps extends ExchangeDeps {
  readonly batchUrl: string;
}

const mostKeys = 100;
const mostAtOnce = 4;

/** One item for each key, in their order. Where a request fails, its keys are unavailable and the others are not. */
export async function readBatch(
  deps: BatchDeps,
  keys: readonly string[],
  scope: Scope,
): Promise<readonly BatchItem[]> {
  keys.forEach(checkKey);
  const parts = Array.from({ length: Math.ceil(keys.length / mostKeys) }, (_, index) =>
    keys.slice(index * mostKeys, (index + 1) * mostKeys),
  );
  const items: (readonly BatchItem[])[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < parts.length) {
      const index = next;
      next += 1;
      items[index] = await readPart(deps, parts[index] ?? [], scope);
    }
  };
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, parts.length) }, work));
  return items.flat();
}

async function readPart(
  deps: BatchDeps,
  keys: readonly string[],
  scope: Scope,
): Promise<readonly BatchItem[]> {
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ keys });
  const exchange = await exchangeRead(deps, { method: 'POST', url: deps.batchUrl, headers, body }, scope);
  if (exchange.kind === 'answered') {
    const { answer } = exchange;
    if (answer.status === 200) {
      return itemsIn(jsonIn(answer.body), keys) ?? unexpected(answer);
    }
    if (answer.status < 400) unexpected(answer);
  }
  const result = notRead(exchange, deps.clock);
  return keys.map((key) => ({ key, ...result }));
}

/** Undefined for what is not the app's answer to these keys. */
function itemsIn(json: unknown, keys: readonly string[]): readonly BatchItem[] | undefined {
  const { results } = (json ?? {}) as { readonly results?: unknown };
  if (!Array.isArray(results) || results.length !== keys.length) return undefined;
  const items = keys.map((key, index) => itemIn(results[index], key));
  return items.every((item) => item !== undefined) ? items : undefined;
}

function itemIn(json: unknown, key: string): BatchItem | undefined {
  const item = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (item['key'] !== key) return undefined;
  const { status, value, encoding, contentType, etag, code } = item;
  switch (status) {
    case 'hit':
      if (typeof value !== 'string' || typeof contentType !== 'string' || typeof etag !== 'string')
        return undefined;
      return {
        kind: 'hit',
        key,
        etag,
        contentType,
        ...(encoding === 'base64' ? valueOfBase64 : valueOfText)(value),
      };
    case 'miss':
      return { kind: 'miss', key };
    case 'unavailable': {
      const known = unavailableCodes.find((one) => one === (code ?? 'cache-unavailable'));
      return { key, ...unavailable(known ?? 'server-failed') };
    }
    default:
      return undefined;
  }
}
