// Route templates of ASP.NET Core: literals, {parameter}, {optional?}, {name=default}, {name:constraint}, {*catchAll},
// and segments that mix text and parameters.
// https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates

export interface RouteSegment {
  readonly isCatchAll: boolean;
  /** By RoutePrecedence.cs: 1 a literal ... 5 a catch-all. */
  readonly rank: number;
  /** Whether `text` fits (undefined where the path has ended); puts the values into `params`. */
  match(text: string | undefined, params: Record<string, string>): boolean;
}

interface Parameter {
  readonly name: string;
  readonly isCatchAll: boolean;
  readonly isOptional: boolean;
  readonly defaultValue: string | undefined;
  readonly constraints: readonly Constraint[];
}

type Constraint = (value: string) => boolean;

const parameterPattern =
  /\{(?<stars>\*{0,2})(?<name>\w+)(?<constraints>(?::[^:=?{}()]+(?:\([^)]*\))?)*)(?:=(?<fallback>[^}?]*))?(?<optional>\?)?\}/gu;

export function parseRoute(template: string): readonly RouteSegment[] {
  return template.split('/').map(parseSegment);
}

function parseSegment(text: string): RouteSegment {
  const found = [...text.matchAll(parameterPattern)].map((match) => ({
    match,
    parameter: parameterOf(match),
  }));
  const [first] = found;
  if (first === undefined) return literal(text);
  if (found.length === 1 && first.match[0] === text) return whole(first.parameter);
  let pattern = '';
  let end = 0;
  for (const { match } of found) {
    pattern += `${literally(text.slice(end, match.index))}(.+)`;
    end = match.index + match[0].length;
  }
  return mixed(
    new RegExp(`^${pattern}${literally(text.slice(end))}$`, 'isu'),
    found.map(({ parameter }) => parameter),
  );
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
}

function literal(text: string): RouteSegment {
  const lowerCase = text.toLowerCase();
  return { isCatchAll: false, rank: 1, match: (part) => part?.toLowerCase() === lowerCase };
}

function whole(parameter: Parameter): RouteSegment {
  const { isCatchAll, constraints, defaultValue, isOptional } = parameter;
  return {
    isCatchAll,
    rank: (isCatchAll ? 5 : 3) - (constraints.length > 0 ? 1 : 0),
    match(part, params) {
      const value = part ?? defaultValue;
      if (value === undefined) return isOptional || isCatchAll;
      params[parameter.name] = value;
      return constraints.every((holds) => holds(value));
    },
  };
}

/** From the right: the last parameter is as short as it can be, as in TemplateMatcher.cs. */
function mixed(pattern: RegExp, parameters: readonly Parameter[]): RouteSegment {
  return {
    isCatchAll: false,
    rank: 2,
    match(part, params) {
      const values = part === undefined ? undefined : pattern.exec(part)?.slice(1);
      if (values === undefined) return false;
      return parameters.every(({ name, constraints }, index) => {
        const value = values[index] ?? '';
        params[name] = value;
        return constraints.every((holds) => holds(value));
      });
    },
  };
}

function parameterOf({ groups }: RegExpExecArray): Parameter {
  const constraints = groups?.['constraints']?.split(/:(?![^(]*\))/u).filter((text) => text !== '') ?? [];
  return {
    name: groups?.['name'] ?? '',
    isCatchAll: groups?.['stars'] !== '',
    isOptional: groups?.['optional'] === '?',
    defaultValue: groups?.['fallback'],
    constraints: constraints.map(constraintOf),
  };
}

// https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
function constraintOf(text: string): Constraint {
  const { name = '', given = '' } = /^(?<name>\w+)(?:\((?<given>.*)\))?$/u.exec(text)?.groups ?? {};
  const [first = 0, second = first] = given.split(',').map(Number);
  const integer = (value: string, bits: number): boolean =>
    /^\s*[+-]?\d+\s*$/u.test(value) && BigInt.asIntN(bits, BigInt(value.trim())) === BigInt(value.trim());
  const number = (value: string): boolean => /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/iu.test(value);
  const constraints: Readonly<Record<string, Constraint>> = {
    int: (value) => integer(value, 32),
    long: (value) => integer(value, 64),
    bool: (value) => /^(?:true|false)$/iu.test(value),
    guid: (value) => /^\{?[\da-f]{8}(?:-?[\da-f]{4}){3}-?[\da-f]{12}\}?$/iu.test(value),
    alpha: (value) => /^[a-z]*$/iu.test(value),
    decimal: number,
    double: number,
    float: number,
    length: (value) => value.length >= first && value.length <= second,
    minlength: (value) => value.length >= first,
    maxlength: (value) => value.length <= first,
    min: (value) => integer(value, 64) && Number(value) >= first,
    max: (value) => integer(value, 64) && Number(value) <= first,
    range: (value) => integer(value, 64) && Number(value) >= first && Number(value) <= second,
    regex: (value) => new RegExp(given, 'iu').test(value),
  };
  const constraint = constraints[name];
  if (constraint === undefined) throw new Error(`Unknown route constraint "${text}".`);
  return constraint;
}
