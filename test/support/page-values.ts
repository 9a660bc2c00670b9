// Arguments and results of the typed client as JSON, there and back, between a test and a page of a browser. What cannot
// be brought across as it is, is an error.

import type { CacheRequestError } from '../../src/exports/client.ts';

/** JSON: strings, booleans, finite numbers, null and arrays as they are, everything else as an object with a type. */
export type Wire = unknown;

export interface Codec {
  readonly encode: (value: unknown) => Wire;
  readonly decode: (wire: Wire) => unknown;
}

/** What differs between the two sides. */
export interface CodecDeps {
  /** Its instances arrive as instances of the other side's. */
  readonly requestError: typeof CacheRequestError;
  /** A signal becomes its number; undefined where there are none to be brought. */
  readonly numberOf?: (signal: AbortSignal) => number;
  readonly signalOf?: (number: number) => AbortSignal;
}

type Typed = { readonly type: string } & Readonly<Record<string, Wire>>;

/** A function that was called before it was brought across. */
type Outcome = { readonly returned: unknown } | { readonly thrown: unknown };

export function codec(deps: CodecDeps): Codec {
  return { encode, decode };

  function encode(value: unknown): Wire {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (value === undefined) return { type: 'undefined' };
    if (typeof value === 'function')
      return { type: 'function', outcome: encode(outcomeOf(value as () => unknown)) };
    if (typeof value === 'object') return encodeObject(value);
    throw new TypeError(`A ${typeof value} cannot be brought into a page.`);
  }

  function encodeObject(value: object): Wire {
    if (Array.isArray(value)) return value.map(encode);
    if (value instanceof Uint8Array) return { type: 'bytes', base64: base64Of(value) };
    if (value instanceof Date) return { type: 'date', ms: value.getTime() };
    if (value instanceof URL) return { type: 'url', href: value.href };
    if (value instanceof Headers) return { type: 'headers', fields: [...value] };
    if (value instanceof Error) return encodeError(value);
    if (value instanceof AbortSignal && deps.numberOf !== undefined)
      return { type: 'signal', number: deps.numberOf(value) };
    if (Object.getPrototypeOf(value) !== Object.prototype)
      throw new TypeError(`A ${value.constructor.name} cannot be brought into a page.`);
    return {
      type: 'object',
      members: Object.entries(value).map(([name, member]) => [name, encode(member)]),
    };
  }

  function encodeError(error: Error): Wire {
    const { name, message } = error;
    const isRequestError = error instanceof deps.requestError;
    const { code, status } = error as { readonly code?: unknown; readonly status?: unknown };
    const of = isRequestError ? { code: encode(code), status: encode(status) } : { code: encode(code) };
    return { type: isRequestError ? 'request-error' : 'error', name, message, ...of };
  }

  function decode(wire: Wire): unknown {
    if (typeof wire !== 'object' || wire === null) return wire;
    if (Array.isArray(wire)) return wire.map(decode);
    const typed = wire as Typed;
    switch (typed.type) {
      case 'undefined':
        return undefined;
      case 'function':
        return calledBefore(decode(typed['outcome']) as Outcome);
      case 'bytes':
        return bytesOf(typed['base64'] as string);
      case 'date':
        return new Date(typed['ms'] as number);
      case 'url':
        return new URL(typed['href'] as string);
      case 'headers':
        return new Headers(typed['fields'] as [string, string][]);
      case 'signal':
        return deps.signalOf?.(typed['number'] as number);
      case 'request-error':
      case 'error':
        return decodeError(typed);
      case 'object': {
        const members = typed['members'] as readonly (readonly [string, Wire])[];
        return Object.fromEntries(members.map(([name, member]) => [name, decode(member)]));
      }
      default:
        throw new TypeError(`There is no type ${typed.type}.`);
    }
  }

  function decodeError({ type, name, message, ...more }: Typed): Error {
    const [code, status] = [decode(more['code']), decode(more['status'])];
    if (type === 'error') {
      return Object.assign(new Error(message as string), { name, ...(code === undefined ? {} : { code }) });
    }
    const error = new deps.requestError(
      code as CacheRequestError['code'],
      message as string,
      status as number,
    );
    if (error.name !== name) throw new TypeError(`The name of a request's error is ${String(name)}.`);
    return error;
  }
}

/** Of a value that was read: its functions take nothing, and answer the same each time. */
function outcomeOf(given: () => unknown): Outcome {
  try {
    return { returned: given() };
  } catch (error) {
    return { thrown: error };
  }
}

function calledBefore(outcome: Outcome): () => unknown {
  return () => {
    if ('thrown' in outcome) throw outcome.thrown;
    return outcome.returned;
  };
}

function base64Of(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 32_768)
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 32_768)));
  return btoa(parts.join(''));
}

function bytesOf(base64: string): Uint8Array {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
