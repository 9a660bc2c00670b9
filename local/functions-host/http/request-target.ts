// What a request asks for: the decoded path and the query, read as Kestrel and ASP.NET Core read them.
// https://github.com/dotnet/aspnetcore/blob/main/src/Servers/Kestrel/Core/src/Internal/Http/Http1Connection.cs

import { decodePath, decodeQueryPart } from './percent.ts';

export interface RequestTarget {
  /** Decoded, without dot segments. */
  readonly path: string;
  /** As it came, without the question mark. */
  readonly query: string;
  /** Of a target in absolute form (`http://host/path`). */
  readonly authority?: string;
}

/** Undefined for a target that no request may have. */
export function parseTarget(method: string, target: string): RequestTarget | undefined {
  // oxlint-disable-next-line eslint/no-control-regex -- NUL is what is looked for
  if (method === 'CONNECT' || /[\0\x80-\xff]/u.test(target)) return undefined;
  if (target.startsWith('/')) return parsePath(target);
  if (target === '*') return method === 'OPTIONS' ? { path: '', query: '' } : undefined;
  const absolute = /^https?:\/\/(?<authority>[^/?#]+)(?<path>[^?#]*)(?<query>[^#]*)/iu.exec(target)?.groups;
  if (absolute === undefined) return undefined;
  const { authority = '', path = '', query = '' } = absolute;
  const parsed = parsePath(`${path === '' ? '/' : path}${query}`);
  return parsed && { ...parsed, authority };
}

function parsePath(target: string): RequestTarget | undefined {
  const mark = target.indexOf('?');
  const path = decodePath(mark === -1 ? target : target.slice(0, mark));
  if (path.includes('\0')) return undefined;
  return { path: removeDotSegments(path), query: mark === -1 ? '' : target.slice(mark + 1) };
}

/** RFC 3986, 5.2.4; %2F is no separator, so `a%2F..%2Fb` stays. */
function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const isDots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!isDots) kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/**
 * The parameters of a query as the host hands them to a worker: names regardless of case (the last spelling counts),
 * values of one name joined with a comma.
 */
export function parseQuery(query: string): Record<string, string> {
  if (query === '') return {};
  const parameters = new Map<string, { readonly name: string; readonly value: string }>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const mark = part.indexOf('=');
    const name = decodeQueryPart(mark === -1 ? part : part.slice(0, mark));
    const value = mark === -1 ? '' : decodeQueryPart(part.slice(mark + 1));
    const earlier = parameters.get(name.toLowerCase());
    parameters.set(name.toLowerCase(), { name, value: earlier ? `${earlier.value},${value}` : value });
  }
  return Object.fromEntries(Array.from(parameters.values(), ({ name, value }) => [name, value]));
}
