// The deployment parameters among a pipeline's variables, as lines for GITHUB_ENV. Used by the workflows.
// VARIABLES is GitHub's `vars` as JSON. Needs no dependency.

/** @param variables by name; those that are called DEPLOY_… are parameters of infra/main.bicepparam */
export function deployParameters(variables: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(variables)
    .filter(([name]) => /^DEPLOY_[A-Z_]+$/u.test(name))
    .map(
      ([name, value]) =>
        `${name}=${unescaped(value)
          .replaceAll(/\s*[\r\n]+\s*/gu, ' ')
          .trim()}`,
    );
}

/**
 * `azd pipeline config` stores a value as the inside of a JSON string, `{\"a\":1}` and `?a=1\u0026b=2`; whoever sets a
 * variable by hand does not (cli/azd/pkg/pipeline/pipeline.go, escapeValuesForPipeline).
 */
function unescaped(value: string): string {
  try {
    return JSON.parse(`"${value}"`) as string;
  } catch {
    return value;
  }
}

if (import.meta.main) {
  const variables = JSON.parse(process.env['VARIABLES'] ?? '{}') as Record<string, string>;
  for (const line of deployParameters(variables)) console.log(line);
}
