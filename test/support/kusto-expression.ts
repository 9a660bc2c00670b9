// The expressions of Kusto that infra/queries use, as functions of a row. A value that is absent is null, and no
// comparison with null holds.

export type Row = Readonly<Record<string, unknown>>;
export type Evaluate = (row: Row) => unknown;

export interface Scope {
  readonly tables: Readonly<Record<string, readonly Row[]>>;
  readonly nowMs: number;
}

const token =
  /\s*("(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?[smhd]?\b|[A-Za-z_]\w*|==|!=|<=|>=|!endswith\b|[<>+\-*/(),.[\]])/uy;
const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const levels = [
  ['or'],
  ['and'],
  ['==', '!=', '<', '>', '<=', '>=', 'in', 'has', 'startswith', '!endswith'],
  ['+', '-'],
  ['*', '/'],
] as const;

/** Splits at a character that is in no string and in no parentheses. */
export function splitOutside(text: string, separator: string): readonly string[] {
  const parts = [''];
  let depth = 0;
  for (const piece of text.match(/"(?:[^"\\]|\\.)*"|[^"]/gsu) ?? []) {
    if (piece === '(') depth += 1;
    if (piece === ')') depth -= 1;
    if (piece === separator && depth === 0) parts.push('');
    else parts[parts.length - 1] += piece;
  }
  return parts;
}

export function parseExpression(text: string, scope: Scope): Evaluate {
  const tokens = tokenize(text);
  let at = 0;
  const next = (): string => tokens[at++] ?? '';
  const take = (expected: string): boolean => tokens[at] === expected && ++at > 0;

  function binary(level: number): Evaluate {
    const operators: readonly string[] | undefined = levels[level];
    if (operators === undefined) return member();
    let left = binary(level + 1);
    while (operators.includes(tokens[at] ?? '')) {
      const operator = next();
      const before = left;
      const right = operator === 'in' ? list() : binary(level + 1);
      left = (row) => apply(operator, before(row), right(row));
    }
    return left;
  }

  function list(): Evaluate {
    const table = scope.tables[tokens[at + 1] ?? ''];
    if (table !== undefined) {
      at += 3;
      const values = table.flatMap((row) => Object.values(row));
      return () => values;
    }
    const items = args();
    return (row) => items.map((item) => item(row));
  }

  function args(): readonly Evaluate[] {
    const items: Evaluate[] = [];
    take('(');
    while (!take(')')) {
      items.push(binary(0));
      take(',');
    }
    return items;
  }

  function member(): Evaluate {
    let value = primary();
    for (;;) {
      const object = value;
      if (take('.')) {
        const name = next();
        value = (row) => (object(row) as Row | null)?.[name] ?? null;
      } else if (take('[')) {
        const index = binary(0);
        take(']');
        value = (row) => (object(row) as Row | null)?.[String(index(row))] ?? null;
      } else return value;
    }
  }

  function primary(): Evaluate {
    const first = next();
    if (first === '(') {
      const inner = binary(0);
      take(')');
      return inner;
    }
    if (first.startsWith('"')) {
      const string = first.slice(1, -1).replaceAll(/\\(.)/gu, '$1');
      return () => string;
    }
    if (/^\d/u.test(first)) {
      const number = Number.parseFloat(first) * (unitsMs[first.at(-1) ?? ''] ?? 1);
      return () => number;
    }
    if (tokens[at] !== '(') return (row) => row[first] ?? null;
    const values = args();
    return (row) =>
      call(
        first,
        values.map((value) => value(row)),
        scope,
      );
  }

  const result = binary(0);
  if (at !== tokens.length) throw new Error(`"${text.trim()}" is not understood at "${tokens[at]}"`);
  return result;
}

function tokenize(text: string): readonly string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const trimmed = text.trimEnd();
  while (token.lastIndex < trimmed.length) {
    const start = token.lastIndex;
    const [, found] = token.exec(trimmed) ?? [];
    if (found === undefined) throw new Error(`"${trimmed.slice(start)}" is not understood`);
    tokens.push(found);
  }
  return tokens;
}

function apply(operator: string, left: unknown, right: unknown): unknown {
  if (operator === 'and') return left === true && right === true;
  if (operator === 'or') return left === true || right === true;
  if (left === null || right === null) return ['+', '-', '*', '/'].includes(operator) ? null : false;
  const [one, other] = [left as number, right as number];
  const [text, part] = [textOf(left).toLowerCase(), textOf(right).toLowerCase()];
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return one < other;
    case '>':
      return one > other;
    case '<=':
      return one <= other;
    case '>=':
      return one >= other;
    case 'in':
      return (right as readonly unknown[]).includes(left);
    case 'has':
      return text.includes(part);
    case 'startswith':
      return text.startsWith(part);
    case '!endswith':
      return !text.endsWith(part);
    case '+':
      return one + other;
    case '-':
      return one - other;
    case '*':
      return one * other;
    default:
      return one / other;
  }
}

function call(name: string, values: readonly unknown[], { nowMs }: Scope): unknown {
  const [first = null, second, third] = values;
  switch (name) {
    case 'ago':
      return nowMs - Number(first);
    case 'isnull':
      return first === null;
    case 'not':
      return first !== true;
    case 'iff':
      return first === true ? second : third;
    case 'coalesce':
      return values.find((value) => value !== null) ?? null;
    case 'extract':
      return new RegExp(textOf(first), 'u').exec(textOf(third))?.[Number(second)] ?? '';
    case 'parse_json':
      return parsed(textOf(first));
    case 'tostring':
      return textOf(first);
    case 'toint':
    case 'tolong':
      return first === null || first === '' ? null : Math.trunc(Number(first));
    case 'todouble':
      return first === null || first === '' || Number.isNaN(Number(first)) ? null : Number(first);
    case 'bin':
      return Math.floor(Number(first) / Number(second)) * Number(second);
    case 'array_length':
      return Array.isArray(first) ? first.length : null;
    default:
      throw new Error(`the function ${name} is not known here`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
