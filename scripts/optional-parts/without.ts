// Takes out of a TypeScript module what depends on files that are gone: what it imports or hands on from them, and what
// mentions that.

import { parseSync } from 'vite';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [name: string]: unknown;
}

type Range = readonly [start: number, end: number];

/** @param isGone whether an import specifier leads to a file that is gone. */
export function without(source: string, isGone: (specifier: string) => boolean): string {
  const removed: Range[] = [];
  const names = new Set<string>();
  const statements = statementsOf(source);
  for (const statement of statements) {
    const specifier = (statement['source'] as { readonly value?: string } | null | undefined)?.value;
    if (specifier === undefined || !isGone(specifier)) continue;
    removed.push([statement.start, statement.end]);
    if (statement.type !== 'ImportDeclaration') continue;
    for (const { local } of statement['specifiers'] as readonly { local: { name: string } }[])
      names.add(local.name);
  }
  return withoutNames(cut(source, removed), names);
}

/** A declaration that goes may be mentioned before it: until nothing new is found. */
function withoutNames(source: string, names: Set<string>): string {
  const removed: Range[] = [];
  for (const statement of statementsOf(source)) takeOut(statement, names, removed);
  return removed.length === 0 ? source : withoutNames(cut(source, removed), names);
}

function statementsOf(source: string): readonly Node[] {
  const { program, errors } = parseSync('module.ts', source);
  if (errors.length > 0) throw new Error(errors[0]?.message);
  return program.body as unknown as readonly Node[];
}

/** The smallest parts around each mention that can go alone: a property, a case, a statement. */
function takeOut(node: Node, names: Set<string>, removed: Range[]): void {
  if (!mentions(node, names)) return;
  const isNamed = declaredBy(node).some((name) => names.has(name));
  const concerned = isNamed ? [] : partsOf(node).filter((part) => mentions(part, names));
  if (concerned.length > 0) {
    for (const part of concerned) takeOut(part, names, removed);
    return;
  }
  for (const name of declaredBy(node)) names.add(name);
  removed.push([node.start, node.end]);
}

/** What a node is made of that can be taken out of it one by one. */
function partsOf(node: Node): readonly Node[] {
  const body = node['body'] as Node | readonly Node[] | undefined;
  switch (node.type) {
    case 'ExportNamedDeclaration':
      return [node['declaration'] as Node];
    case 'FunctionDeclaration':
      return [...(node['params'] as readonly Node[]), body as Node];
    case 'BlockStatement':
      return body as readonly Node[];
    case 'SwitchStatement':
      return node['cases'] as readonly Node[];
    case 'ObjectPattern':
    case 'ObjectExpression':
      return node['properties'] as readonly Node[];
    case 'ReturnStatement':
      return [node['argument'] as Node].filter((part) => part.type === 'ObjectExpression');
    case 'VariableDeclaration':
      return objectsOf(node);
    case 'ExpressionStatement':
      return handlersOf(node['expression'] as Node);
    default:
      return [];
  }
}

/** In `const { a, b } = parts` each name goes alone, and in `const deps = { a, b }` each property. */
function objectsOf(node: Node): readonly Node[] {
  const declarations = node['declarations'] as readonly { readonly id: Node; readonly init: Node | null }[];
  return declarations.flatMap(({ id, init }) => [
    ...(id.type === 'ObjectPattern' ? [id] : []),
    ...(init?.type === 'ObjectExpression' ? [init] : []),
  ]);
}

/** The functions that a call is given, as in `app.hook.appTerminate(async () => { ... })`. */
function handlersOf(expression: Node): readonly Node[] {
  if (expression.type !== 'CallExpression') return [];
  const functions = (expression['arguments'] as readonly Node[]).filter(
    ({ type }) => type === 'ArrowFunctionExpression',
  );
  return functions.flatMap((part) =>
    (part['body'] as Node).type === 'BlockStatement' ? [part['body'] as Node] : [],
  );
}

function declaredBy(node: Node): readonly string[] {
  if (node.type === 'FunctionDeclaration') return [(node['id'] as { readonly name: string }).name];
  if (node.type !== 'VariableDeclaration') return [];
  return (node['declarations'] as readonly { readonly id: Node }[]).flatMap(({ id }) =>
    id.type === 'Identifier' ? [id['name'] as string] : [],
  );
}

function mentions(node: unknown, names: ReadonlySet<string>): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node)) return node.some((part) => mentions(part, names));
  const { type, name } = node as Record<string, unknown>;
  if (type === 'Identifier' && names.has(name as string)) return true;
  return Object.entries(node).some(([key, part]) => key !== 'typeAnnotation' && mentions(part, names));
}

/** With the comma after a part of a list. */
function cut(source: string, ranges: readonly Range[]): string {
  let text = source;
  for (const [start, end] of ranges.toSorted(([a], [b]) => b - a)) {
    const comma = /^\s*,/u.exec(text.slice(end))?.[0].length ?? 0;
    text = text.slice(0, start) + text.slice(end + comma);
  }
  return text;
}
