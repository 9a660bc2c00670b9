// Which module of a compiled template waits for which.

interface Template {
  readonly resources: Readonly<Record<string, Resource>>;
}

interface Resource {
  readonly dependsOn?: readonly string[];
  readonly properties?: { readonly template?: Template };
}

/** For a module, or one within it (`privateAccess/zones`): everything that is done before. */
export function deploymentOrder(template: Template): (module: string) => readonly string[] {
  return (module) => {
    const path = module.split('/');
    const name = path.pop() ?? '';
    const inner = path.reduce((outer, part) => {
      const found = outer.resources[part]?.properties?.template;
      if (found === undefined) throw new Error(`${part} is no module`);
      return found;
    }, template);
    if (inner.resources[name] === undefined) throw new Error(`${module} is no module`);
    return [...before(inner, name, new Set())];
  };
}

function before({ resources }: Template, name: string, seen: Set<string>): ReadonlySet<string> {
  for (const dependency of resources[name]?.dependsOn ?? []) {
    if (seen.has(dependency)) continue;
    seen.add(dependency);
    before({ resources }, dependency, seen);
  }
  return seen;
}
