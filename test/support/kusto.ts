// Microsoft's own analyser of Kusto queries, with the tables of Application Insights. Knows columns and types; runs
// no query.

import { createRequire } from 'node:module';

interface Diagnostic {
  readonly Message: string;
  readonly Start: number;
}

interface KustoGlobals {
  readonly Bridge: { toArray(list: unknown): Diagnostic[] };
  readonly Kusto: {
    readonly Language: {
      readonly KustoCode: { ParseAndAnalyze(query: string, globals: unknown): { GetDiagnostics(): unknown } };
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
};

/** Returns what is wrong with a query; workbook parameters must be put in before. */
export function kustoAnalyser(): (query: string) => readonly string[] {
  // They are no modules: each puts its names on globalThis.
  const require = createRequire(import.meta.url);
  for (const part of ['bridge.js', 'Kusto.Language.Bridge.js'])
    require(`@kusto/language-service-next/${part}`);
  const { Bridge, Kusto } = globalThis as unknown as KustoGlobals;
  const { KustoCode, GlobalState, Symbols } = Kusto.Language;
  const symbols = Object.entries(tables).map(
    ([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, ''),
  );
  const globals = GlobalState.Default.WithDatabase(
    new Symbols.DatabaseSymbol.$ctor1('insights', symbols, false),
  );
  return (query) =>
    Bridge.toArray(KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics()).map(
      ({ Message, Start }) => `${Message} at "${query.slice(Start, Start + 20)}"`,
    );
}
