// Reads single settings from an environment and collects the faults.

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Typed reads that never throw: a fault is added to the list under the setting's name. */
export class SettingsReader {
  readonly faults: string[] = [];
  readonly #environment: Environment;
  readonly #unresolved = new Set<string>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Adds a fault. It does not hold the value, which may be a secret in the wrong place. */
  add(name: string, expected: string): void {
    const fault = `${name}: expected ${expected}`;
    // A setting may be read for two purposes.
    if (!this.faults.includes(fault)) this.faults.push(fault);
  }

  /** An empty setting counts as not set: portals and templates leave one out like that. */
  optional(name: string): string | undefined {
    const value = this.#environment[name]?.trim();
    if (value === undefined || value === '') return undefined;
    if (!isUnresolvedReference(value)) return value;
    if (!this.#unresolved.has(name)) this.add(name, resolvedExpectation);
    this.#unresolved.add(name);
    return undefined;
  }

  /** Adds a fault for every variable with this prefix that is a reference which the platform could not resolve. */
  checkReferences(prefix: string): void {
    for (const name of Object.keys(this.#environment)) if (name.startsWith(prefix)) this.optional(name);
  }

  required(
    name: string,
    expected: string,
    accepts: (value: string) => boolean = () => true,
  ): string | undefined {
    const value = this.optional(name);
    if (this.#unresolved.has(name)) return undefined;
    if (value === undefined) this.add(name, `${expected}, but it is missing`);
    else if (!accepts(value)) this.add(name, expected);
    return value;
  }

  text(name: string, fallback: string, expected: string, accepts: (value: string) => boolean): string {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    if (!accepts(value)) this.add(name, expected);
    return value;
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,15}$/u.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.add(name, `a whole number from ${least} to ${most}`);
    return fallback;
  }

  choice<const T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    const chosen = choices.find((choice) => choice === value);
    if (chosen === undefined) this.add(name, choices.map((choice) => `"${choice}"`).join(' or '));
    return chosen ?? fallback;
  }

  url(name: string, expected: string, protocols: readonly string[]): string | undefined {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    const url = URL.parse(value);
    if (url === null || !protocols.includes(url.protocol)) this.add(name, expected);
    return value;
  }
}

const resolvedExpectation =
  'a value, but it is a reference that the platform has not resolved: see the Key Vault and App Configuration references of the app in the portal, and what its identity may read';

/** https://learn.microsoft.com/azure/app-service/app-service-key-vault-references */
function isUnresolvedReference(value: string): boolean {
  return /^@Microsoft\.(?:KeyVault|AppConfiguration)\(/iu.test(value);
}
