// The wrapper of every HTTP handler: the request's deadline, its share of the byte budget, and errors as responses.

// By its default export: the named ones of this CommonJS module are not all found by Node.js 20.
import functions, {
  type HttpHandler,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions';
import type { BytesResponse } from '../http/bytes-response.ts';
import { anybody, type Caller } from '../http/callers/caller.ts';
import type { Access } from '../http/callers/entra-callers.ts';
import { Problem, toProblem } from '../http/problem.ts';
import type { Measures } from '../telemetry/measures.ts';
import { operation, type Operation } from '../telemetry/operations.ts';
import type { ByteBudget, Charge } from '../util/byte-budget.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { requestFields } from '../http/invocation-fields.ts';

export interface HandlerDeps {
  readonly clock: Clock;
  readonly requestBudgetMs: number;
  readonly budget: ByteBudget;
  /** Undefined where requests are not counted: those that do not read or write the cache. */
  readonly measures?: Measures | undefined;
  /** Whom it lets in; undefined where the host alone decides that. */
  readonly access?: Access | undefined;
}

export interface Invocation {
  /** When the work has to end, by the clock's `nowMs`. */
  readonly deadlineAtMs: number;
  /** What the request takes of the byte budget; given back when the worker has the answer. */
  readonly charge: Charge;
  readonly context: InvocationContext;
  readonly caller: Caller;
}

type Answer = HttpResponseInit | BytesResponse;
type Handle = (request: HttpRequest, invocation: Invocation) => Promise<Answer>;

/**
 * A thrown Problem or AppError becomes `application/problem+json`: an outage is 503 with Retry-After. Anything else is
 * a bug and stays the host's 500. HEAD gets the headers of the answer alone.
 */
export function httpHandler(deps: HandlerDeps, handle: Handle): HttpHandler {
  const { clock, requestBudgetMs, budget, measures, access } = deps;
  // A tenth of the time, at most 200 ms, is left to the host and to writing the answer.
  const workMs = requestBudgetMs - Math.min(requestBudgetMs / 10, 200);
  const answerTo = async (
    request: HttpRequest,
    context: InvocationContext,
    own: Operation<'request'> | undefined,
  ): Promise<HttpResponseInit> => {
    const charge = budget.open();
    const startedAtMs = clock.nowMs();
    try {
      const deadlineAtMs = startedAtMs + workMs;
      const admitted = access?.(request, deadlineAtMs) ?? anybody;
      const caller = admitted instanceof Promise ? await admitted : admitted;
      const answer = await handle(request, { deadlineAtMs, charge, context, caller });
      if (own !== undefined) own.status = answer.status ?? 200;
      if (request.method !== 'HEAD' && 'pieces' in answer) {
        if (measures !== undefined) measures.events.servedBytes += lengthOf(answer.pieces);
        return new BufferResponse(answer, charge);
      }
      charge.close();
      return request.method === 'HEAD' ? withoutBody(answer) : answer;
    } catch (error) {
      charge.close();
      return responseTo(error, context, own);
    } finally {
      measures?.latencies.request.record(clock.nowMs() - startedAtMs);
    }
  };
  return (request, context) => {
    const outer = told.get(context);
    if (outer !== undefined) return answerTo(request, context, outer);
    return operation(
      'request',
      () => requestFields(request, context),
      (own) => {
        if (own === undefined) return answerTo(request, context, own);
        told.set(context, own);
        return answerTo(request, context, own).finally(() => told.delete(context));
      },
    );
  };
}

/**
 * Of those that somebody listens to: a handler within another one of these is no request of its own. Not a WeakMap: what
 * is in one lives until the whole heap is collected.
 */
const told = new Map<InvocationContext, Operation<'request'>>();

function lengthOf(pieces: readonly Buffer[]): number {
  let bytes = 0;
  for (const { length } of pieces) bytes += length;
  return bytes;
}

function withoutBody(answer: Answer): HttpResponseInit {
  const { status = 200, headers = {} } = answer;
  return { status, headers };
}

function responseTo(
  error: unknown,
  context: InvocationContext,
  own: Operation<'request'> | undefined,
): HttpResponseInit {
  if (!(error instanceof Problem || error instanceof AppError)) throw error;
  // Redis said no to this very command: asking again may not help, and no event names the handler.
  if (error instanceof AppError && error.code === 'command-failed') context.warn(error.message);
  const problem = error instanceof Problem ? error : toProblem(error);
  const response = problem.toResponse();
  if (own !== undefined) {
    own.status = response.status ?? 500;
    own.problem = problem.code;
  }
  return response;
}

/**
 * Hands its bytes over as they are. The ordinary response copies them twice, into a stream and out of it, and does not
 * tell when it has been read; the worker asks for `arrayBuffer()`, once (toRpcHttp.ts of @azure/functions).
 */
class BufferResponse extends functions.HttpResponse {
  override readonly arrayBuffer: () => Promise<ArrayBuffer>;

  constructor({ pieces, ...init }: BytesResponse, charge: Charge) {
    super(init);
    this.arrayBuffer = async () => {
      // The caller copies the bytes in this turn; then they are the worker's.
      setImmediate(() => charge.close());
      return joined(pieces);
    };
  }
}

/** Without a copy where there is one piece that has its memory to itself. */
function joined(pieces: readonly Buffer[]): ArrayBuffer {
  const [first] = pieces;
  const bytes = first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces);
  const { buffer, byteOffset, length } = bytes;
  const exact = length === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + length);
  return exact as ArrayBuffer;
}
