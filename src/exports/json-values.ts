// JSON that is read again and again: parsed once, and copied for each reader, which takes a fraction of the time.

/** As `JSON.parse` makes it. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

// Deeper ones are parsed each time: a copy is made by recursion.
const deepest = 100;
// An object with more properties has a table of them in V8, and names of its own.
const mostFastProperties = 64;
// Copying an object with hundreds of names takes as long as parsing it.
const mostNames = 200;

/** A copy of what `JSON.parse` has made: nothing that can be changed is shared with it. */
export function copyOfJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return copyOfArray(value);
  const copy: Record<string, unknown> = {};
  for (const name in value) {
    const own = copyOfJson((value as Record<string, unknown>)[name]);
    if (name !== '__proto__') copy[name] = own;
    // An assignment would make it the prototype.
    else
      Object.defineProperty(copy, name, { value: own, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

function copyOfArray(values: readonly unknown[]): unknown[] {
  const copy: unknown[] = [];
  for (const value of values) copy.push(copyOfJson(value));
  return copy;
}

/**
 * About how many bytes it takes in V8 (64 bits, as Node.js builds it), rather too many than too few; infinite where it is
 * too deep to be copied, or would not be copied faster than parsed.
 */
export function bytesOfJson(value: unknown, depth = 0): number {
  const json = value as Json;
  if (typeof json === 'string') return bytesOfText(json);
  // Small whole numbers stand where the reference to others does.
  if (typeof json === 'number') return Number.isInteger(json) && Math.abs(json) < 2 ** 30 ? 0 : 16;
  if (typeof json === 'boolean' || json === null) return 0;
  if (depth >= deepest) return Number.POSITIVE_INFINITY;
  if (Array.isArray(json)) {
    let bytes = 48;
    for (const item of json as readonly Json[]) bytes += 8 + bytesOfJson(item, depth + 1);
    return bytes;
  }
  let bytes = 32;
  const entries = Object.entries(json);
  if (entries.length > mostNames) return Number.POSITIVE_INFINITY;
  const isTable = entries.length > mostFastProperties;
  for (const [name, item] of entries) {
    bytes += (isTable ? 48 + bytesOfText(name) : 9) + bytesOfJson(item, depth + 1);
  }
  return bytes;
}

function bytesOfText(text: string): number {
  return 24 + text.length * (isWide(text) ? 2 : 1);
}

/** Whether V8 keeps it in two bytes a character. */
function isWide(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0xff) return true;
  return false;
}
