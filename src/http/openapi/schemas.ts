// The bodies of requests and answers as JSON Schema, but for those of the fleet.

import { maxKeyBytes } from '../../cache/key.ts';
import { mostTargets } from '../../cache/purge-request.ts';
import { tagPattern } from '../../origin/tags.ts';
import type { BatchCode } from '../batch-answer.ts';
import { mostBatchKeys } from '../limits.ts';
import { problems } from '../problem.ts';
import { count, listOf, objectOf, schemaRef, text, time, type Json } from './json.ts';

// The compiler names one that is missing.
const batchCodes: Readonly<Record<BatchCode, true>> = {
  'wrong-type': true,
  'stored-value-too-large': true,
  'answer-too-large': true,
  overloaded: true,
  'entry-newer': true,
  'origin-failed': true,
  'origin-pending': true,
  'origin-refused': true,
};

const problem = objectOf({
  title: { type: 'string', description: 'What the code means.' },
  status: { type: 'integer', minimum: 400, maximum: 599 },
  code: { enum: Object.keys(problems), description: 'Stays the same: branch on it.' },
  detail: { type: 'string', description: 'What was wrong with this request, for people.' },
});

const key: Json = {
  type: 'string',
  minLength: 1,
  maxLength: maxKeyBytes,
  description: `1 to ${maxKeyBytes} bytes of UTF-8 without control characters.`,
};

const batchRequest = objectOf({ keys: listOf(schemaRef('Key'), { minItems: 1, maxItems: mostBatchKeys }) });

const hit = objectOf({
  key: text,
  status: { const: 'hit' },
  value: { type: 'string', description: 'As `encoding` says.' },
  encoding: { enum: ['utf8', 'base64'] },
  contentType: text,
  etag: text,
});
const miss = objectOf({ key: text, status: { const: 'miss' } });
const unavailable: Json = {
  type: 'object',
  required: ['key', 'status'],
  properties: {
    key: text,
    status: { const: 'unavailable' },
    code: { enum: Object.keys(batchCodes), description: 'Absent where the cache cannot be asked.' },
  },
};
const batchAnswer = objectOf({
  results: listOf(
    { oneOf: [hit, miss, unavailable] },
    { description: 'One for each key, in the order asked.' },
  ),
});

const most = { maxItems: mostTargets };
const purgeRequest: Json = {
  type: 'object',
  description: `1 to ${mostTargets} keys, tags and prefixes together.`,
  minProperties: 1,
  additionalProperties: false,
  properties: {
    keys: listOf(schemaRef('Key'), most),
    tags: listOf({ type: 'string', pattern: tagPattern }, most),
    prefixes: listOf(
      { type: 'string', maxLength: maxKeyBytes, description: 'What keys begin with; empty for all.' },
      most,
    ),
    mode: {
      enum: ['stale', 'remove'],
      default: 'stale',
      description: 'Served while they are renewed, or there no more.',
    },
  },
};
const purgeAnswer = objectOf({
  purgedAt: time,
  expected: {
    ...count,
    description: 'Instances that could have answered without asking Redis, or that heard of it.',
  },
  acknowledged: count,
  silent: listOf(text, { description: 'The ids of those that did not acknowledge in time.' }),
});

const ready: Json = {
  type: 'object',
  required: ['status'],
  properties: {
    status: { enum: ['ready', 'unavailable'] },
    tokenExpiresInSeconds: { type: 'integer' },
    writes: { const: 'refused', description: 'There where Redis takes reads only.' },
  },
};

export const schemas: Json = {
  Problem: problem,
  Key: key,
  BatchRequest: batchRequest,
  BatchAnswer: batchAnswer,
  PurgeRequest: purgeRequest,
  PurgeAnswer: purgeAnswer,
  Live: objectOf({ status: { const: 'live' } }),
  Ready: ready,
};
