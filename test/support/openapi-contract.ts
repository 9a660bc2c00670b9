// Holds answers to the OpenAPI document of the app that gave them: status, header fields, and body.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface AnswerJson {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

interface OperationJson {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, AnswerJson>>;
}

export interface OpenApiJson {
  readonly [name: string]: unknown;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationJson>>>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export class OpenApiContract {
  readonly #document: OpenApiJson;
  readonly #ajv = new Ajv2020({ strict: false, validateSchema: false });
  readonly #validators = new Map<string, ValidateFunction>();
  /** Operation and status of what has been held to it. */
  readonly seen = new Set<string>();
  /** Of the answers that were noted. */
  readonly faults: string[] = [];

  constructor(document: OpenApiJson) {
    this.#document = document;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(document, 'api');
  }

  /**
   * What is not as described; nothing for a path or a method that has no description: the host answers
   * that itself, as it does fields that it cannot read, with 400 and nothing else.
   */
  faultsOf(method: string, pathname: string, { status, headers, body }: Answered): readonly string[] {
    const at = this.#operationAt(method, pathname);
    if (at === undefined) return [];
    if (status === 400 && body.length === 0 && !headers.has('cache-control')) return [];
    const { operation, pointer } = at;
    const key = `${status}` in operation.responses ? `${status}` : 'default';
    const answer = operation.responses[key];
    const label = `${operation.operationId} ${status}`;
    if (answer === undefined) return [`${label} is not described`];
    this.seen.add(`${operation.operationId} ${key}`);
    const here = [...pointer, 'responses', key];
    const ofHeaders = Object.entries(answer.headers ?? {}).flatMap(([name, { required = false }]) => {
      const value = headers.get(name);
      if (value === null) return required ? [`${name} is missing`] : [];
      return this.#faults([...here, 'headers', name, 'schema'], value).map((fault) => `${name}: ${fault}`);
    });
    const all = [...ofHeaders, ...this.#ofBody(here, answer, headers.get('content-type'), body)];
    return all.map((fault) => `${label}: ${fault}`);
  }

  /** For those who are between a client and the app: the client is not to hear of it. */
  note(method: string, path: string, answered: Answered): void {
    this.faults.push(...this.faultsOf(method, new URL(path, 'http://host').pathname, answered));
  }

  #ofBody(
    here: readonly string[],
    { content }: AnswerJson,
    type: string | null,
    body: Buffer,
  ): readonly string[] {
    if (content === undefined) return body.length === 0 ? [] : ['there is a body'];
    const [essence = ''] = (type ?? '').split(';');
    const found = essence in content ? essence : '*/*';
    if (!(found in content)) return [`its type is ${type}`];
    if (content[found]?.schema === undefined) return [];
    const text = body.toString();
    const value = essence.endsWith('json') ? (JSON.parse(text) as unknown) : text;
    return this.#faults([...here, 'content', found, 'schema'], value);
  }

  #operationAt(method: string, pathname: string) {
    const { servers, paths } = this.#document;
    const base = servers[0]?.url ?? '';
    for (const [path, operations] of Object.entries(paths)) {
      const [start = '', isOpen] = `${base}${path}`.split('{');
      const isHere = isOpen === undefined ? pathname === start : pathname.startsWith(start);
      const operation = operations[method.toLowerCase()];
      if (isHere && operation !== undefined)
        return { operation, pointer: ['paths', path, method.toLowerCase()] };
    }
    return undefined;
  }

  #faults(pointer: readonly string[], value: unknown): readonly string[] {
    const parts = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    const $ref = `api#/${parts.join('/')}`;
    const validate = this.#validators.get($ref) ?? this.#ajv.compile({ $ref });
    this.#validators.set($ref, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`.trim());
  }
}

type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

const answeredBy = async (response: Response): Promise<Answered> => {
  const { status, headers } = response;
  return { status, headers, body: Buffer.from(await response.clone().arrayBuffer()) };
};

/** Rejects where an answer is not as the document says. */
export function heldTo(contract: OpenApiContract, fetch: Fetch): Fetch {
  return async (path, init) => {
    const response = await fetch(path, init);
    const { pathname } = new URL(path, 'http://host');
    const faults = contract.faultsOf(init?.method ?? 'GET', pathname, await answeredBy(response));
    if (faults.length > 0) throw new Error(`Not as the OpenAPI document says: ${faults.join('; ')}`);
    return response;
  };
}

/** The platform's fetch for a client; what is not as the document says is noted. */
export function notedBy(contract: OpenApiContract): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const url = input instanceof Request ? input.url : String(input);
    contract.note(init?.method ?? 'GET', url, await answeredBy(response));
    return response;
  };
}

/** @param headers of the request for the document. */
export async function contractOf(
  fetch: Fetch,
  headers: Readonly<Record<string, string>> = {},
): Promise<OpenApiContract> {
  const response = await fetch('/api/openapi.json', { headers });
  if (response.status !== 200) throw new Error(`The document is answered with ${response.status}.`);
  return new OpenApiContract((await response.json()) as OpenApiJson);
}

/** The same app; each of its answers is held to its own document, whatever a test expects of it. */
export async function heldApp<T extends { readonly fetch: Fetch }>(
  app: T,
  headers?: Readonly<Record<string, string>>,
): Promise<T> {
  const ask: Fetch = async (path, init) => app.fetch(path, init);
  return { ...app, fetch: heldTo(await contractOf(ask, headers), ask) };
}
