// Holds what a request takes of the byte budget until its answer is with the worker.

import { HttpResponse, type HttpHandler, type HttpRequest, type HttpResponseInit } from '@azure/functions';
import type { ByteBudget, Charge } from '../util/byte-budget.ts';
import type { BytesResponse } from '../http/bytes-response.ts';

type Answer = HttpResponseInit | BytesResponse;

/** `handle` is given a charge that is closed when the answer has been handed over. */
export function charged(
  budget: ByteBudget,
  handle: (request: HttpRequest, charge: Charge) => Promise<Answer>,
): HttpHandler {
  return async (request) => {
    const charge = budget.open();
    try {
      const answer = await handle(request, charge);
      if ('pieces' in answer) return new BufferResponse(answer, charge);
      charge.close();
      return answer;
    } catch (error) {
      charge.close();
      throw error;
    }
  };
}

/**
 * Hands its bytes over as they are. The ordinary response copies them twice, into a stream and out of it, and nobody
 * hears when it has been read; the worker asks for `arrayBuffer()`, once (toRpcHttp.ts of @azure/functions).
 */
class BufferResponse extends HttpResponse {
  override readonly arrayBuffer: () => Promise<ArrayBuffer>;

  constructor({ pieces, ...init }: BytesResponse, charge: Charge) {
    super(init);
    this.arrayBuffer = async () => {
      // Whoever asked copies it in this turn; then it is the worker's.
      setImmediate(() => charge.close());
      return wholeOf(pieces);
    };
  }
}

/** Without a copy where there is one piece that has its memory to itself. */
function wholeOf(pieces: readonly Buffer[]): ArrayBuffer {
  const [first] = pieces;
  const bytes = first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces);
  const { buffer, byteOffset, length } = bytes;
  const alone = length === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + length);
  return alone as ArrayBuffer;
}
