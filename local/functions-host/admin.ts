// The host's admin API: what functions there are, the host's state, and running a function by hand.
// https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http

import type { HttpResponse } from './http/response.ts';
import { maxBodyBytes, type HttpRequest } from './http/server.ts';
import type { FunctionMetadata } from './protocol.ts';

export interface AdminApi {
  readonly functions: readonly FunctionMetadata[];
  /** Before the routes of HTTP functions. */
  readonly routePrefix: string;
  /** Begins a run and does not wait for its end. */
  readonly run: (functionName: string) => void;
}

type Answer = HttpResponse | Promise<HttpResponse>;
const notFound: HttpResponse = { status: 404 };

/** Names and paths count regardless of case, and with a slash at the end, as everywhere in ASP.NET Core. */
export function handleAdmin(request: HttpRequest, api: AdminApi): Answer {
  const [area = '', name = '', ...rest] = request.target.path.replace(/\/$/u, '').split('/').slice(2);
  const what = rest.join('/').toLowerCase();
  const method = request.method.toUpperCase();
  if (area.toLowerCase() === 'host') return what === '' ? host(method, name.toLowerCase()) : notFound;
  if (area.toLowerCase() !== 'functions') return notFound;
  const address = `http://${request.headers.get('host') ?? 'localhost'}`;
  if (name === '')
    return method === 'GET' ? json(api.functions.map((one) => describe(one, address, api))) : notFound;
  const metadata = api.functions.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (metadata === undefined) return notFound;
  if (method === 'POST' && what === '') return run(request, metadata, api);
  if (method !== 'GET') return notFound;
  if (what === '') return json(describe(metadata, address, api));
  if (what === 'status') return json({ isDisabled: false });
  // There are no keys: none is asked for.
  return what === 'keys' ? json({ keys: [], links: [] }) : notFound;
}

function host(method: string, what: string): Answer {
  if (what === 'ping' && (method === 'GET' || method === 'POST')) return { status: 200 };
  if (method !== 'GET') return notFound;
  if (what === 'status') return json({ id: 'local', state: 'Running', version: '4.0.0' });
  return what === 'keys' ? json({ keys: [], links: [] }) : notFound;
}

async function run(request: HttpRequest, metadata: FunctionMetadata, api: AdminApi): Promise<HttpResponse> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (!/^(?:application|text)\/(?:[\w.+-]+\+)?json$/u.test(type)) return { status: 415 };
  if (!isInvocation(await request.body.read(maxBodyBytes))) return { status: 400 };
  api.run(metadata.name);
  return { status: 202 };
}

/** `{"input": "..."}`, which a timer is given nothing of. */
function isInvocation(body: Buffer | undefined): boolean {
  try {
    const value: unknown = JSON.parse(body?.toString() ?? '');
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

function describe({ name, bindings }: FunctionMetadata, address: string, { routePrefix }: AdminApi): object {
  const trigger = Object.values(bindings).find(({ type }) => type === 'httpTrigger');
  const path = trigger && [routePrefix, trigger.route ?? name].filter((part) => part !== '').join('/');
  return {
    name,
    href: `${address}/admin/functions/${name}`,
    config: { name, bindings: Object.entries(bindings).map(([key, binding]) => ({ name: key, ...binding })) },
    isDisabled: false,
    language: 'node',
    invoke_url_template: path === undefined ? null : `${address}/${path}`.toLowerCase(),
  };
}

function json(value: unknown): HttpResponse {
  const headers = [['Content-Type', 'application/json; charset=utf-8']] as const;
  return { status: 200, headers, body: Buffer.from(JSON.stringify(value)) };
}
