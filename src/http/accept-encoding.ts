// Which form of a coded value a client takes: RFC 9110, section 12.5.3.

/**
 * Whether a client accepts a value with all of these codings. One that sends no Accept-Encoding would have to accept
 * any; programs that send none, like curl, cannot decode, so that they are given the plain bytes.
 */
export function acceptsCodings(acceptEncoding: string | null, codings: readonly string[]): boolean {
  const weights = readWeights(acceptEncoding ?? '');
  return codings.every((coding) => (weights.get(coding) ?? weights.get('*') ?? 0) > 0);
}

/** By coding in lower case; `x-gzip` is `gzip` (section 8.4.1.3). What is malformed is not accepted. */
function readWeights(field: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const element of field.split(',')) {
    const [name = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
    if (name === '') continue;
    const coding = name === 'x-gzip' ? 'gzip' : name;
    weights.set(coding, parameters.length === 0 ? 1 : weightOf(parameters));
  }
  return weights;
}

function weightOf(parameters: readonly string[]): number {
  const weight = /^q\s*=\s*(?<value>0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/u.exec(parameters[0] ?? '');
  return parameters.length === 1 ? Number(weight?.groups?.['value'] ?? 0) : 0;
}
