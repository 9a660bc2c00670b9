// A plugin of rolldown: @azure/functions keeps the private fields of requests and responses in them, not in WeakMaps.

import { readFile } from 'node:fs/promises';
import type { Plugin } from 'rolldown';

const file = '@azure/functions/dist/azure-functions.js';
// What TypeScript makes of `#init` for ES2020. V8 looks into a WeakMap only when it collects the whole heap: until then
// everything that a request or a response refers to stays, and is copied from one generation to the next.
const weakMaps = /\b(_[A-Z]\w+ = )new WeakMap\(\)/gu;

/**
 * In their place: the same three methods over a field of JavaScript's own. A constructor that returns an object puts its
 * fields on that one. What is returned is not the class: of a function the compiled code thinks that the field is static.
 */
export const privateFieldSource = `
class Given { constructor(object) { return object; } }
function privateField() {
  class Field extends Given {
    #value;
    constructor(object, value) { super(object); this.#value = value; }
    static has(object) { return #value in object; }
    static get(object) { return object.#value; }
    static set(object, value) { object.#value = value; }
  }
  return {
    has: Field.has,
    get: Field.get,
    set(object, value) { if (Field.has(object)) Field.set(object, value); else new Field(object, value); },
  };
}
`;

export const privateFields: Plugin = {
  name: 'private-fields',
  load: async (id) => {
    if (!id.replaceAll('\\', '/').endsWith(`/${file}`)) return undefined;
    const text = await readFile(id, 'utf8');
    const code = text.replaceAll(weakMaps, '$1privateField()');
    if (code === text) throw new Error(`${file} has no private field in a WeakMap any more: this can go.`);
    return { code: privateFieldSource + code, moduleType: 'js' };
  },
};
