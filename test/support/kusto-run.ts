// Runs a query of infra/queries over given rows, as far as the queries of the alerts and those of what is counted go:
// where, extend, project, mv-expand, summarize, distinct and let. Kusto itself runs on Azure only; its own analyser checks syntax and types (kusto.ts).

import { parseExpression, splitOutside, type Evaluate, type Row, type Scope } from './kusto-expression.ts';

export type Tables = Readonly<Record<string, readonly Row[]>>;

/** @param nowMs what `ago` counts from. Times are milliseconds. */
export function runQuery(query: string, tables: Tables, nowMs: number): readonly Row[] {
  const text = query.replaceAll(/^\s*\/\/.*$/gmu, '');
  const named: Record<string, readonly Row[]> = { ...tables };
  let result: readonly Row[] = [];
  for (const statement of splitOutside(text, ';').filter((part) => part.trim() !== '')) {
    const [, name, pipeline = statement] = /^\s*let (\w+) = (.*)$/su.exec(statement) ?? [];
    result = runPipeline(pipeline, { tables: named, nowMs });
    if (name !== undefined) named[name] = result;
  }
  return result;
}

function runPipeline(text: string, scope: Scope): readonly Row[] {
  const [source = '', ...steps] = splitOutside(text, '|').map((part) => part.trim());
  const rows = scope.tables[source];
  if (rows === undefined) throw new Error(`no table ${source}`);
  return steps.reduce((current, step) => runStep(step, current, scope), rows);
}

function runStep(step: string, rows: readonly Row[], scope: Scope): readonly Row[] {
  const [, operator, rest = ''] = /^([\w-]+)\s(.*)$/su.exec(step) ?? [];
  if (operator === 'where') {
    const condition = parseExpression(rest, scope);
    return rows.filter((row) => condition(row) === true);
  }
  if (operator === 'extend') {
    const columns = assignments(rest, scope);
    // All columns of one extend are worked out from the row as it was.
    return rows.map((row) => ({
      ...row,
      ...Object.fromEntries(columns.map(([name, value]) => [name, value(row)])),
    }));
  }
  if (operator === 'project') {
    const columns = assignments(rest, scope);
    return rows.map((row) => Object.fromEntries(columns.map(([name, value]) => [name, value(row)])));
  }
  if (operator === 'mv-expand') {
    const [[name, value] = ['', (): unknown => null]] = assignments(rest.replace('kind=array ', ''), scope);
    return rows.flatMap((row) => Object.entries(value(row) ?? {}).map((pair) => ({ ...row, [name]: pair })));
  }
  if (operator === 'distinct') {
    return [...new Set(rows.map((row) => row[rest.trim()]))].map((value) => ({ [rest.trim()]: value }));
  }
  if (operator === 'summarize') return summarize(rest, rows, scope);
  throw new Error(`the operator of "${step}" is not known here`);
}

/** `name = expression`, or a column by itself. */
function assignments(text: string, scope: Scope): readonly (readonly [string, Evaluate])[] {
  return splitOutside(text, ',').map((part) => {
    const unnamed = /^\s*bin\((\w+),/u.exec(part)?.[1] ?? part.trim();
    const [, left = unnamed, expression = part] = /^\s*(\w+|\["[^"]+"\])\s*=(?!=)(.*)$/su.exec(part) ?? [];
    return [left.replaceAll(/^\["|"\]$/gu, ''), parseExpression(expression, scope)] as const;
  });
}

function summarize(text: string, rows: readonly Row[], scope: Scope): readonly Row[] {
  const [aggregations = '', keys] = text.split(/\sby\s/u);
  const columns = splitOutside(aggregations, ',').flatMap((part) => {
    const [, left = '', call = ''] = /^\s*(\w+|\([\w, ]+\)|\["[^"]+"\])\s*=\s*(.*)$/su.exec(part) ?? [];
    const names = left.replaceAll(/^\["|"\]$|[()]/gu, '').split(/, (?=p\d)/u);
    return names.map((name, index) => [name, aggregate(call.trim(), scope, index)] as const);
  });
  const by = keys === undefined ? [] : assignments(keys, scope);
  const groups = new Map<string, { readonly key: Row; readonly members: Row[] }>();
  // Without keys there is always one group, also over nothing.
  if (by.length === 0) groups.set('[]', { key: {}, members: [] });
  for (const row of rows) {
    const key = Object.fromEntries(by.map(([name, value]) => [name, value(row)]));
    const id = JSON.stringify(Object.values(key));
    const group = groups.get(id) ?? { key, members: [] };
    groups.set(id, group);
    group.members.push(row);
  }
  return [...groups.values()].map(({ key, members }) => ({
    ...key,
    ...Object.fromEntries(columns.map(([name, value]) => [name, value(members)])),
  }));
}

/** @param index which of the results, where there are several */
function aggregate(call: string, scope: Scope, index: number): (rows: readonly Row[]) => unknown {
  const [, name = '', inner = ''] = /^(\w+)\((.*)\)$/su.exec(call) ?? [];
  const [value = () => 1, condition] = splitOutside(inner, ',')
    .filter((part) => part.trim() !== '')
    .map((part) => parseExpression(part, scope));
  if (/^percentiles?w$/u.test(name)) {
    const [of, times = () => 1, ...percentiles] = splitOutside(inner, ',').map((part) =>
      parseExpression(part, scope),
    );
    return (rows) => weightedPercentile(rows, of ?? value, times, Number(percentiles[index]?.({})));
  }
  const conditional = name !== 'countif' && name.endsWith('if');
  const chosen = (rows: readonly Row[]): readonly unknown[] =>
    rows
      .filter((row) => !conditional || condition?.(row) === true)
      .map(value)
      .filter((item) => item !== null && item !== undefined);
  const sum = (values: readonly unknown[]): number =>
    values.reduce((total: number, item) => total + Number(item), 0);
  const extreme =
    (pick: (...values: number[]) => number) =>
    (rows: readonly Row[]): number | null => {
      const values = chosen(rows) as readonly number[];
      return values.length === 0 ? null : pick(...values);
    };
  switch (conditional ? name.slice(0, -2) : name) {
    case 'count':
      return (rows) => rows.length;
    case 'countif':
      return (rows) => rows.filter((row) => value(row) === true).length;
    case 'sum':
      return (rows) => sum(chosen(rows));
    case 'min':
      return extreme(Math.min);
    case 'max':
      return extreme(Math.max);
    case 'make_set':
      return (rows) => [...new Set(chosen(rows).flat())];
    case 'take_any':
      return (rows) => chosen(rows)[0] ?? null;
    default:
      throw new Error(`the aggregation "${call}" is not known here`);
  }
}

/** The least value that so many of a hundred do not exceed. */
function weightedPercentile(rows: readonly Row[], of: Evaluate, times: Evaluate, percent: number): unknown {
  const weighted = rows
    .map((row) => [Number(of(row)), Number(times(row))] as const)
    .toSorted(([a], [b]) => a - b);
  let left = (weighted.reduce((sum, [, count]) => sum + count, 0) * percent) / 100;
  return weighted.find(([, count]) => (left -= count) <= 0)?.[0] ?? null;
}
