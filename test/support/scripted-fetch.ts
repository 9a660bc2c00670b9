// A fetch that answers what a test says, one answer for each request, and remembers what it was asked.

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export type ScriptedAnswer = Response | Error | 'silence';

export interface ScriptedFetch {
  readonly fetch: typeof fetch;
  readonly asked: readonly Asked[];
}

/** @param answers the last of them again and again; `silence` never settles. */
export function scriptedFetch(...answers: readonly ScriptedAnswer[]): ScriptedFetch {
  const asked: Asked[] = [];
  return {
    asked,
    fetch: async (input, init = {}) => {
      const { method = '', headers, body, signal } = init;
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? 'silence';
      asked.push({
        method,
        url: input instanceof Request ? input.url : new URL(input).href,
        headers: new Headers(headers),
        body,
        signal: signal ?? AbortSignal.abort(),
      });
      if (answer === 'silence') return new Promise<Response>(() => {});
      if (answer instanceof Error) throw answer;
      return answer.clone();
    },
  };
}

/** An answer of the app. */
export function entryAnswer(
  body: string | null,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): Response {
  const fields = {
    'Cache-Status': 'redis-entra-functions; hit; ttl=60',
    ETag: '"one"',
    Age: '5',
    ...headers,
  };
  return new Response(body, { status, headers: fields });
}

/** An error of the app. */
export function problemAnswer(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = JSON.stringify({ title: `Title of ${code}`, status, code, detail: `Detail of ${code}` });
  return new Response(body, { status, headers: { 'Content-Type': 'application/problem+json', ...headers } });
}
