// The header fields of requests and answers, as OpenAPI describes them.

import { maxKeyBytes } from '../../cache/key.ts';
import { tagsExpectation } from '../../origin/tags.ts';
import type { Json } from './json.ts';

const seconds: Json = { type: 'string', pattern: String.raw`^\d+$` };
const text: Json = { type: 'string' };

const answered = {
  'Accept-Encoding': { description: 'The codings in which a value may come.', schema: text },
  'Accept-Ranges': { description: 'Parts can be asked for.', schema: { const: 'bytes' } },
  Age: { description: 'Seconds since the value was made.', schema: seconds },
  Allow: { description: 'What is possible while the cache is read-only.', schema: text },
  'Cache-Control': { description: 'RFC 9111.', schema: text },
  'Cache-Status': { description: 'RFC 9211: where the answer is from, and why.', schema: text },
  'Content-Encoding': { description: 'Of a coded value.', schema: text },
  'Content-Range': {
    description: 'Which part it is, of how many bytes.',
    schema: { type: 'string', pattern: String.raw`^bytes (?:\d+-\d+|\*)/\d+$` },
  },
  ETag: {
    description: 'Of the form of the value that is answered.',
    schema: { type: 'string', pattern: '^(?:W/)?"[^"]*"$' },
  },
  'Last-Modified': { description: 'As the origin sent it.', schema: text },
  'Retry-After': { description: 'Seconds after which to ask again.', schema: seconds },
  Vary: { description: 'The fields of the request that chose the answer.', schema: text },
  'WWW-Authenticate': {
    description: 'RFC 6750: what is wrong with the token, or which role is missing.',
    schema: { type: 'string', pattern: '^Bearer ' },
  },
} as const satisfies Json;

export type AnswerHeader = keyof typeof answered;

/** Fields that an answer always has, and those that it may have. */
export interface AnswerHeaders {
  readonly always?: readonly AnswerHeader[];
  readonly maybe?: readonly AnswerHeader[];
}

export function headersOf({ always = [], maybe = [] }: AnswerHeaders): Json {
  return Object.fromEntries([
    ...always.map((name) => [name, { ...answered[name], required: true }] as const),
    ...maybe.map((name) => [name, answered[name]] as const),
  ]);
}

const field = (name: string, description: string): Json => ({
  name,
  in: 'header',
  description,
  schema: text,
});

export const parameters: Readonly<Record<string, Json>> = {
  key: {
    name: 'key',
    in: 'path',
    required: true,
    description: `1 to ${maxKeyBytes} bytes of UTF-8. A slash in it may be sent as it is or as %2F.`,
    schema: { $ref: '#/components/schemas/Key' },
  },
  ifMatch: field('If-Match', 'The entity tags of which the entry has to have one, or *.'),
  ifNoneMatch: field('If-None-Match', 'The entity tags of which the entry must have none, or *.'),
  ifModifiedSince: field('If-Modified-Since', 'Ignored where If-None-Match is given.'),
  range: field('Range', 'One range of bytes; several are answered with the whole value.'),
  ifRange: field('If-Range', 'The state of the value of which a part is asked for.'),
  acceptEncoding: field('Accept-Encoding', 'The codings in which the value may be answered.'),
  cacheTag: field('Cache-Tag', `By commas: ${tagsExpectation}.`),
  surrogateKey: field('Surrogate-Key', 'Tags as in Cache-Tag, by spaces.'),
};
