// A plugin of rolldown: `import text from './page.html?raw'` is the text of the file.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Plugin } from 'rolldown';

export const textImports: Plugin = {
  name: 'text-imports',
  resolveId: (id, importer) =>
    id.endsWith('?raw') && importer !== undefined ? join(dirname(importer), id) : undefined,
  load: async (id) =>
    id.endsWith('?raw')
      ? {
          code: `export default ${JSON.stringify(await readFile(id.slice(0, -'?raw'.length), 'utf8'))};`,
          moduleType: 'js',
        }
      : undefined,
};
