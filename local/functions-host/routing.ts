// Which function a request is for, and its route values, by the rules of ASP.NET Core's routes.
// https://github.com/dotnet/aspnetcore/blob/main/src/Http/Routing/src/Template/TemplateMatcher.cs

import type { FunctionMetadata } from './protocol.ts';
import { parseRoute, type RouteSegment } from './route-template.ts';

interface Route {
  readonly functionName: string;
  readonly methods: ReadonlySet<string> | undefined;
  readonly segments: readonly RouteSegment[];
}

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
      const template = [routePrefix, trigger.route ?? metadata.name].filter((part) => part !== '').join('/');
      const methods = trigger.methods?.map((method) => method.toUpperCase());
      return [
        {
          functionName: metadata.name,
          methods: methods === undefined || methods.length === 0 ? undefined : new Set(methods),
          segments: parseRoute(template),
        },
      ];
    });
    this.#routes = routes.toSorted((a, b) => precedence(a) - precedence(b));
  }

  /**
   * The function for a decoded path. A path that only exists for another method matches nothing: the Functions
   * host makes the method a constraint of the route and answers 404.
   */
  match(method: string, path: string): Match | undefined {
    const parts = split(path);
    const upperCase = method.toUpperCase();
    for (const route of this.#routes) {
      if (route.methods?.has(upperCase) === false) continue;
      const params = matchSegments(route.segments, parts);
      if (params !== undefined) return { functionName: route.functionName, params };
    }
    return undefined;
  }
}

/** PathTokenizer.cs: one slash at the end counts for nothing, but for what a catch-all takes. */
function split(path: string): readonly string[] {
  return path.replace(/^\//u, '').split('/');
}

/** RoutePrecedence.cs: the more is fixed, the earlier; a digit for each segment. */
function precedence({ segments }: Route): number {
  return segments.reduce((sum, { rank }, index) => sum + rank / 10 ** index, 0);
}

function matchSegments(
  segments: readonly RouteSegment[],
  parts: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  const count = parts.at(-1) === '' ? parts.length - 1 : parts.length;
  for (const [index, segment] of segments.entries()) {
    const isThere = index < count;
    // An empty segment matches nothing, also where a catch-all begins; within one it may stand.
    if (isThere && parts[index] === '') return undefined;
    const text = isThere
      ? parts.slice(index, segment.isCatchAll ? parts.length : index + 1).join('/')
      : undefined;
    if (!segment.match(text, params)) return undefined;
    if (segment.isCatchAll) return params;
  }
  return count <= segments.length ? params : undefined;
}
