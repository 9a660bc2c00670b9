// Which function a request is for, and its route values. Used by host.ts.
// Knows route templates as the Functions host does: literals, {parameter}, {*catchAll}.

import type { FunctionMetadata } from './protocol.ts';

interface Route {
  readonly functionName: string;
  readonly methods: ReadonlySet<string> | undefined;
  readonly segments: readonly Segment[];
}

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'catch-all'; readonly name: string };

export interface Match {
  readonly functionName: string;
  readonly params: Readonly<Record<string, string>>;
}

export class Router {
  readonly #routes: readonly Route[];

  constructor(functions: readonly FunctionMetadata[], routePrefix: string) {
    const routes = functions.flatMap((metadata): Route[] => {
      const trigger = Object.values(metadata.bindings).find(({ type }) => type === 'httpTrigger');
      if (trigger === undefined) return [];
      const path = [routePrefix, trigger.route ?? metadata.name].filter((part) => part !== '').join('/');
      const methods = trigger.methods?.map((method) => method.toUpperCase());
      return [
        {
          functionName: metadata.name,
          methods: methods === undefined || methods.length === 0 ? undefined : new Set(methods),
          segments: path.split('/').map(parseSegment),
        },
      ];
    });
    // As in ASP.NET Core, the more literal template wins.
    this.#routes = routes.toSorted((a, b) => weight(b) - weight(a));
  }

  /**
   * The function for a decoded path. A path that only exists for another method matches nothing: the Functions
   * host makes the method a constraint of the route and answers 404.
   */
  match(method: string, path: string): Match | undefined {
    const parts = path.replace(/^\//u, '').split('/');
    for (const route of this.#routes) {
      if (route.methods !== undefined && !route.methods.has(method)) continue;
      const params = matchSegments(route.segments, parts);
      if (params !== undefined) return { functionName: route.functionName, params };
    }
    return undefined;
  }
}

/**
 * Decodes a request path as Kestrel does: everything but %2F, which stays, as do escapes that are not UTF-8
 * (https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel).
 */
export function decodePath(path: string): string {
  return path.replaceAll(/(?:%[\da-f]{2})+/giu, (escapes) =>
    escapes
      .split(/(?<slash>%2f)/iu)
      .map((part) => (/^%2f$/iu.test(part) ? part : decodeOr(part)))
      .join(''),
  );
}

function decodeOr(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes;
  }
}

function parseSegment(text: string): Segment {
  const name = /^\{(?<star>\*{0,2})(?<name>\w+)(?:[:=?].*)?\}$/u.exec(text)?.groups;
  if (name === undefined) return { kind: 'literal', text: text.toLowerCase() };
  return { kind: name['star'] === '' ? 'parameter' : 'catch-all', name: name['name'] ?? '' };
}

function weight({ segments }: Route): number {
  const values = { literal: 3, parameter: 2, 'catch-all': 1 };
  return segments.reduce((sum, { kind }) => sum * 4 + values[kind], 0) / 4 ** segments.length;
}

function matchSegments(
  segments: readonly Segment[],
  parts: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'catch-all') {
      params[segment.name] = parts.slice(index).join('/');
      return params;
    }
    const part = parts[index];
    if (part === undefined) return undefined;
    if (segment.kind === 'parameter') params[segment.name] = part;
    else if (segment.text !== part.toLowerCase()) return undefined;
  }
  return parts.length === segments.length ? params : undefined;
}
