// Which codings a client accepts: RFC 9110, section 12.5.3.

/**
 * Whether a client accepts a value with all of these codings. By the RFC a client without Accept-Encoding accepts any;
 * but programs that send none, such as curl, do not decode, so it is taken to accept none.
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
