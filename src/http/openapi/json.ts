// JSON Schema in few words, for the parts of the OpenAPI document.

export type Json = Readonly<Record<string, unknown>>;

export const text: Json = { type: 'string' };
export const count: Json = { type: 'integer', minimum: 0 };
export const time: Json = { type: 'string', format: 'date-time' };

export function orNull(schema: Json): Json {
  return { anyOf: [schema, { type: 'null' }] };
}

export function listOf(items: Json, more: Json = {}): Json {
  return { type: 'array', items, ...more };
}

/** An object that has all of these; later versions may add others. */
export function objectOf(properties: Json, more: Json = {}): Json {
  return { type: 'object', required: Object.keys(properties), properties, ...more };
}

/** One count for each name. */
export function countsOf(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, count]));
}

export function schemaRef(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}
