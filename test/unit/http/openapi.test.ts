import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { openApiDocument, type ApiOptions } from '../../../src/http/openapi/document.ts';
import { operations } from '../../../src/http/operations.ts';
import { problems } from '../../../src/http/problem.ts';

const entry = 'cache/{key}';
const options: ApiOptions = {
  version: '1.2.3',
  basePath: '/api',
  maxValueBytes: 1000,
  defaultTtlSeconds: 300,
  isQueryInKey: false,
  security: 'keys-or-tokens',
  routes: {
    readCache: entry,
    writeCache: entry,
    removeCache: entry,
    readBatch: 'batch',
    purge: 'purge',
    fleet: 'fleet',
    openapi: 'openapi.json',
    live: 'health/live',
    ready: 'health/ready',
  },
};

interface OperationJson {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly { readonly name: string; readonly schema: object }[];
  readonly responses: Readonly<Record<string, { readonly headers?: object; readonly content?: object }>>;
}
interface DocumentJson {
  readonly [name: string]: unknown;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationJson>>>>;
  readonly components: { readonly securitySchemes: object };
}

/** As it is sent. */
function documentOf(more: Partial<ApiOptions> = {}): DocumentJson {
  return JSON.parse(JSON.stringify(openApiDocument({ ...options, ...more }))) as DocumentJson;
}

function operationsOf(document: DocumentJson): readonly OperationJson[] {
  return Object.values(document.paths).flatMap((path) => Object.values(path));
}

function named(document: DocumentJson, id: string): OperationJson {
  const found = operationsOf(document).find(({ operationId }) => operationId === id);
  if (found === undefined) throw new Error(`There is no operation ${id}.`);
  return found;
}

/** The codes that the operations answer. */
function codesOf(document: DocumentJson): ReadonlySet<string> {
  const lists = [...JSON.stringify(document.paths).matchAll(/"code":\{"enum":(?<codes>\[[^\]]*\])\}/gu)];
  return new Set(lists.flatMap(({ groups }) => JSON.parse(groups?.['codes'] ?? '[]') as string[]));
}

describe('the OpenAPI document', () => {
  it.each(['anybody', 'keys', 'tokens', 'keys-or-tokens'] as const)('is valid, for %s', async (security) => {
    const validator = new Validator();
    for (const isQueryInKey of [false, true]) {
      const document = documentOf({ security, isQueryInKey });
      expect(await validator.validate(document)).toEqual({ valid: true });
      expect(validator.version).toBe('3.1');
    }
  });

  it('would not be valid with an answer that is not described', async () => {
    const document = documentOf();
    Object.assign(named(document, 'readBatch').responses, { 200: { content: {} } });
    expect(await new Validator().validate(document)).toMatchObject({ valid: false });
  });

  it('has each function with all of its methods', () => {
    const ids = Object.entries(operations).flatMap(([name, { methods }]) =>
      methods.map((method) => (method === 'HEAD' ? `${name}Head` : name)),
    );
    const found = operationsOf(documentOf()).map(({ operationId }) => operationId);
    expect(found.toSorted()).toEqual(ids.toSorted());
  });

  it('has every problem code but that of handlers of one’s own', () => {
    const codes = codesOf(documentOf());
    const missing = Object.keys(problems).filter((code) => !codes.has(code));
    expect(missing).toEqual(['deadline-exceeded']);
    expect([...codes].filter((code) => !Object.hasOwn(problems, code))).toEqual([]);
  });

  it('names the app role of each operation, and none for the probes', () => {
    const document = documentOf({ security: 'tokens' });
    for (const { operationId, security } of operationsOf(document)) {
      const { roles } = operations[operationId.replace(/Head$/u, '') as keyof typeof operations];
      expect(security).toEqual(roles === undefined ? [] : [{ entra: roles }]);
    }
  });

  it('says nothing of tokens to those who have keys', () => {
    const document = documentOf({ security: 'keys' });
    const codes = codesOf(document);
    for (const code of ['unauthenticated', 'forbidden', 'prefix-forbidden', 'authority-unavailable'])
      expect(codes).not.toContain(code);
    expect(Object.keys(document.components.securitySchemes)).toEqual(['functionKey', 'functionKeyInQuery']);
    expect(named(document, 'readCache').responses).toHaveProperty('401');
    expect(documentOf({ security: 'anybody' }).components.securitySchemes).toEqual({});
  });

  it('has a security of its own for the fleet', () => {
    const document = documentOf({ security: 'anybody', fleetSecurity: 'tokens' });
    expect(named(document, 'fleet').security).toEqual([{ entra: ['Fleet.Read'] }]);
    expect(named(document, 'readCache').security).toEqual([]);
  });

  it('has the limits of the cache', () => {
    const document = documentOf({ defaultTtlSeconds: 77 });
    const ttl = named(document, 'writeCache').parameters?.find(({ name }) => name === 'ttl');
    expect(ttl?.schema).toMatchObject({ default: 77, maximum: 31_536_000 });
    expect(JSON.stringify(named(document, 'writeCache'))).toContain('"maxLength":1000');
    expect(named(document, 'readCache').parameters?.map(({ name }) => name)).not.toContain('query');
    const withQuery = named(documentOf({ isQueryInKey: true }), 'readCache');
    expect(withQuery.parameters?.map(({ name }) => name)).toContain('query');
  });

  it('has no body for HEAD, and leaves out what is not registered', () => {
    const document = documentOf({ routes: { readCache: entry, fleet: undefined } });
    expect(Object.keys(document.paths)).toEqual(['/cache/{key}']);
    const bodies = Object.values(named(document, 'readCacheHead').responses).map(({ content }) => content);
    expect(new Set(bodies)).toEqual(new Set([undefined]));
  });
});
