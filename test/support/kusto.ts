// Microsoft's own analyser of Kusto queries, with the tables of Application Insights: what is wrong with a query, and
// its tokens. Runs no query.

import { createRequire } from 'node:module';

interface Diagnostic {
  readonly Message: string;
  readonly Start: number;
}

interface LexicalToken {
  readonly Kind: number;
  readonly Text: string;
}

interface KustoGlobals {
  readonly Bridge: { toArray<T>(list: unknown): T[] };
  readonly Kusto: {
    readonly Language: {
      readonly KustoCode: {
        Parse(query: string): { GetLexicalTokens(): unknown };
        ParseAndAnalyze(query: string, globals: unknown): { GetDiagnostics(): unknown };
      };
      readonly KustoFacts: { GetStringLiteralValue(literal: string): string };
      readonly Syntax: { readonly SyntaxKind: { readonly StringLiteralToken: number } };
      readonly GlobalState: { readonly Default: { WithDatabase(database: unknown): unknown } };
      readonly Symbols: {
        readonly TableSymbol: { $ctor7: new (name: string, schema: string, description: string) => unknown };
        readonly DatabaseSymbol: {
          $ctor1: new (name: string, members: unknown[], isOpen: boolean) => unknown;
        };
      };
    };
  };
}

// What the queries may use of https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete
const common =
  'timestamp: datetime, itemCount: int, customDimensions: dynamic, operation_Name: string, operation_Id: string, cloud_RoleName: string, cloud_RoleInstance: string';
const tables = {
  traces: `(${common}, message: string, severityLevel: int)`,
  requests: `(${common}, id: string, name: string, url: string, success: string, resultCode: string, duration: real)`,
  dependencies: `(${common}, operation_ParentId: string, id: string, name: string, type: string, target: string, data: string, success: string, resultCode: string, duration: real)`,
  customMetrics: `(${common}, name: string, value: real, valueCount: int, valueSum: real, valueMin: real, valueMax: real)`,
};

function kusto(): KustoGlobals {
  // They are no modules: each puts its names on globalThis.
  const require = createRequire(import.meta.url);
  for (const part of ['bridge.js', 'Kusto.Language.Bridge.js'])
    require(`@kusto/language-service-next/${part}`);
  return globalThis as unknown as KustoGlobals;
}

export interface KustoToken {
  readonly text: string;
  /** What a string literal stands for; undefined for every other token. */
  readonly string: string | undefined;
}

/** Without comments. */
export function kustoTokens(query: string): readonly KustoToken[] {
  const { Bridge, Kusto } = kusto();
  const { KustoCode, KustoFacts, Syntax } = Kusto.Language;
  const tokens = Bridge.toArray<LexicalToken>(KustoCode.Parse(query).GetLexicalTokens());
  return tokens.map(({ Kind, Text }) => ({
    text: Text,
    string:
      Kind === Syntax.SyntaxKind.StringLiteralToken ? KustoFacts.GetStringLiteralValue(Text) : undefined,
  }));
}

/** The tokens that come right after these. */
export function tokensAfter(
  tokens: readonly KustoToken[],
  ...before: readonly string[]
): readonly KustoToken[] {
  return tokens.filter((_, index) =>
    before.every((text, at) => tokens[index - before.length + at]?.text === text),
  );
}

/** Returns what is wrong with a query; workbook parameters must be put in before. */
export function kustoAnalyser(): (query: string) => readonly string[] {
  const { Bridge, Kusto } = kusto();
  const { KustoCode, GlobalState, Symbols } = Kusto.Language;
  const symbols = Object.entries(tables).map(
    ([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, ''),
  );
  const globals = GlobalState.Default.WithDatabase(
    new Symbols.DatabaseSymbol.$ctor1('insights', symbols, false),
  );
  return (query) =>
    Bridge.toArray<Diagnostic>(KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics()).map(
      ({ Message, Start }) => `${Message} at "${query.slice(Start, Start + 20)}"`,
    );
}
