// What each operation takes and answers, by the name of its function.

import { maxTtlSeconds } from '../../cache/freshness.ts';
import type { OperationName } from '../operations.ts';
import type { ProblemCode } from '../problem.ts';
import { headersOf, parameters, type AnswerHeaders } from './headers.ts';
import { schemaRef, type Json } from './json.ts';
import type { ProblemOptions } from './problem-answers.ts';

/** What differs between caches. */
export interface CacheLimits {
  readonly maxValueBytes: number;
  readonly defaultTtlSeconds: number;
  /** Whether the query of a read is a part of the key. */
  readonly isQueryInKey: boolean;
}

export interface Described {
  readonly summary: string;
  readonly parameters?: readonly (Json | undefined)[];
  readonly requestBody?: Json;
  /** By status. */
  readonly answers: Readonly<Record<string, Json>>;
  /** Those about tokens come besides. */
  readonly problems: readonly ProblemCode[];
  readonly problemOptions?: ProblemOptions;
  /** Whether the request names keys: a caller may be confined to some. */
  readonly namesKeys?: boolean;
}

const anything = { '*/*': {} };
const json = (name: string): Json => ({ 'application/json': { schema: schemaRef(name) } });
const answer = (description: string, headers: AnswerHeaders, content?: Json): Json => ({
  description,
  headers: headersOf(headers),
  ...(content === undefined ? {} : { content }),
});

const freshness = ['Cache-Status', 'Cache-Control', 'Age'] as const;
const described = ['Last-Modified', 'Content-Encoding', 'Vary', 'Retry-After'] as const;
const uncached = { always: ['Cache-Control'] } as const;
const { key, ifMatch, ifNoneMatch } = parameters;
const ofChanges = ['invalid-key', 'invalid-query', 'invalid-header', 'writes-disabled'] as const;
const ofOutcomes = [
  'precondition-failed',
  'wrong-type',
  'cache-unavailable',
  'entry-newer',
  'write-outcome-unknown',
] as const;

export function describeOperations(limits: CacheLimits): Readonly<Record<OperationName, Described>> {
  const { maxValueBytes, defaultTtlSeconds, isQueryInKey } = limits;
  const ttl = {
    name: 'ttl',
    in: 'query',
    description: 'Seconds that the entry lives.',
    schema: { type: 'integer', minimum: 1, maximum: maxTtlSeconds, default: defaultTtlSeconds },
  };
  const query = {
    name: 'query',
    in: 'query',
    description: 'Any parameters: they are a part of the key.',
    style: 'form',
    explode: true,
    schema: { type: 'object', additionalProperties: { type: 'string' } },
  };
  return {
    readCache: {
      summary: 'Reads one entry',
      parameters: [
        key,
        isQueryInKey ? query : undefined,
        ifNoneMatch,
        ifMatch,
        ...['ifModifiedSince', 'range', 'ifRange', 'acceptEncoding'].map((name) => parameters[name]),
      ],
      answers: {
        200: answer(
          'The value.',
          { always: ['ETag', 'Accept-Ranges', ...freshness], maybe: described },
          anything,
        ),
        206: answer(
          'The part of it that was asked for.',
          { always: ['ETag', 'Accept-Ranges', 'Content-Range', ...freshness], maybe: described },
          anything,
        ),
        304: answer('The client has the current value.', {
          always: ['ETag', ...freshness],
          maybe: described,
        }),
        default: answer(
          'The origin’s own answer for this key.',
          { always: freshness, maybe: ['ETag', ...described] },
          anything,
        ),
      },
      problems: [
        'invalid-key',
        ...(isQueryInKey ? [] : (['invalid-query'] as const)),
        'not-found',
        'precondition-failed',
        'range-not-satisfiable',
        'wrong-type',
        'stored-value-too-large',
        'origin-failed',
        'cache-unavailable',
        'entry-newer',
        'overloaded',
        'origin-pending',
      ],
      problemOptions: { hasCacheStatus: true, orOrigins: true },
      namesKeys: true,
    },
    writeCache: {
      summary: 'Writes one entry',
      parameters: [key, ttl, ifMatch, ifNoneMatch, parameters['cacheTag'], parameters['surrogateKey']],
      requestBody: {
        description: `The value, of ${maxValueBytes} bytes at most, with its Content-Length and without a content coding.`,
        content: { '*/*': { schema: { maxLength: maxValueBytes } } },
      },
      answers: {
        201: answer('There was no entry.', { always: ['ETag'] }),
        204: answer('The entry was replaced.', { always: ['ETag'] }),
      },
      problems: [
        ...ofChanges,
        'invalid-ttl',
        'length-required',
        'value-too-large',
        'unsupported-encoding',
        'overloaded',
        ...ofOutcomes,
      ],
      namesKeys: true,
    },
    removeCache: {
      summary: 'Removes one entry',
      parameters: [key, ifMatch, ifNoneMatch],
      answers: { 204: answer('There is no entry any more.', {}) },
      problems: [...ofChanges, ...ofOutcomes],
      namesKeys: true,
    },
    readBatch: {
      summary: 'Reads many entries at once',
      requestBody: { required: true, content: json('BatchRequest') },
      answers: { 200: answer('A result for each key.', uncached, json('BatchAnswer')) },
      problems: [
        'invalid-body',
        'invalid-key',
        'length-required',
        'body-too-large',
        'cache-unavailable',
        'overloaded',
      ],
      namesKeys: true,
    },
    purge: {
      summary: 'Makes entries stale, or removes them, by keys, tags and prefixes',
      requestBody: { required: true, content: json('PurgeRequest') },
      answers: { 200: answer('They are purged.', uncached, json('PurgeAnswer')) },
      problems: [
        'invalid-body',
        'invalid-key',
        'invalid-query',
        'writes-disabled',
        'length-required',
        'body-too-large',
        'too-many-purges',
        'cache-unavailable',
        'overloaded',
        'write-outcome-unknown',
      ],
      namesKeys: true,
    },
    fleet: {
      summary: 'The instances, their tokens, measures and last roll calls',
      answers: {
        200: answer(
          'As JSON, or as a page for a browser.',
          { always: ['Cache-Control', 'Vary'] },
          { ...json('Fleet'), 'text/html': { schema: { type: 'string' } } },
        ),
      },
      problems: ['cache-unavailable'],
    },
    openapi: {
      summary: 'This document',
      parameters: [ifNoneMatch],
      answers: {
        200: answer(
          'OpenAPI 3.1.',
          { always: ['ETag', 'Cache-Control'] },
          { 'application/json': { schema: { type: 'object' } } },
        ),
        304: answer('The client has the current one.', { always: ['ETag', 'Cache-Control'] }),
      },
      problems: [],
    },
    live: {
      summary: 'Whether the process answers',
      answers: { 200: answer('It does.', uncached, json('Live')) },
      problems: [],
    },
    ready: {
      summary: 'Whether the cache can be read',
      answers: {
        200: answer('It can.', uncached, json('Ready')),
        503: answer('It cannot.', { always: ['Cache-Control', 'Retry-After'] }, json('Ready')),
      },
      problems: [],
    },
  };
}
