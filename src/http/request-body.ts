// Reads the body of a request within a limit, and refuses one that the host has not passed on.

import { isUtf8 } from 'node:buffer';
import type { HttpRequest } from '@azure/functions';
import type { Charge } from '../util/byte-budget.ts';
import { overloaded, Problem } from './problem.ts';

export interface BodyLimit {
  readonly maxBytes: number;
  /** What a larger body is answered with. */
  readonly tooLarge: 'value-too-large' | 'body-too-large';
  /** Takes the announced bytes before they are read. */
  readonly charge?: Charge;
}

/** @throws Problem for a body that is too large, does not fit into memory now, or is missing. */
export async function readBody(
  request: HttpRequest,
  { maxBytes, tooLarge, charge }: BodyLimit,
): Promise<Buffer> {
  const { headers } = request;
  const checkLength = (bytes: number): void => {
    if (bytes > maxBytes) throw new Problem(tooLarge, `At most ${maxBytes} bytes are accepted.`);
  };
  const announcedBytes = Number(headers.get('content-length') ?? 0);
  checkLength(announcedBytes);
  if (charge?.takeValue(announcedBytes) === false) throw overloaded();
  const body = Buffer.from(await request.arrayBuffer());
  checkLength(body.length);
  // The host passes on no body that comes without a Content-Length, so that it looks empty
  // (https://github.com/Azure/azure-functions-host/issues/4926).
  if (body.length === 0 && !headers.has('content-length') && headers.has('transfer-encoding')) {
    throw new Problem(
      'length-required',
      'Azure Functions hands on no body that comes without a Content-Length.',
    );
  }
  return body;
}

/**
 * JSON is UTF-8 (RFC 8259, section 8.1). Decoded leniently, different keys would become one.
 * @param notJson what is said of anything else.
 * @throws Problem.
 */
export function jsonIn({ headers }: HttpRequest, body: Buffer, notJson: () => Problem): unknown {
  const parameter = /;\s*charset\s*=\s*"?(?<charset>[^\s;"]*)/iu.exec(headers.get('content-type') ?? '');
  const charset = parameter?.groups?.['charset']?.toLowerCase() ?? 'utf-8';
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  const isText = ['utf-8', 'utf8', 'us-ascii'].includes(charset) && ['', 'identity'].includes(coding);
  if (!isText || !isUtf8(body)) throw new Problem('invalid-body', 'Expected JSON in UTF-8.');
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    throw notJson();
  }
}

/**
 * What the Functions host takes as the body of a request (DefaultMaxRequestBodySize in its ScriptConstants.cs). The
 * other limits are wider: messages between host and worker 2 GiB, a string in Redis 512 MB.
 */
export const largestValueBytes = 104_857_600;
