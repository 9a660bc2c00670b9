// The class of an error, for `error.type`: never its message, which may name a key.

import { AppError } from '../../util/errors.ts';

/** The code of an AppError; else the code that Node.js gives errors, or the name of the class. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  if (!(error instanceof Error)) return otherType;
  const { code } = error as { readonly code?: unknown };
  const type = typeof code === 'string' ? code : error.name;
  return isName.test(type) ? type : otherType;
}

// Of the conventions, for what has no better one.
const otherType = '_OTHER';
const isName = /^[\w.-]{1,64}$/u;

/** `WRONGTYPE` of a Redis error reply; undefined for what the client itself found. */
export function redisStatusOf(error: unknown): string | undefined {
  return error instanceof Error ? /^[A-Z][A-Z\d_]{1,31}(?= |$)/u.exec(error.message)?.[0] : undefined;
}
