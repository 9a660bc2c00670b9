// The licences of the packages that are bundled, as one text. Used by scripts/package.ts.
// A bundled package whose licence cannot be told is an error: it must not be deployed.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly repository?: string | { readonly url?: string };
}

// These publish no licence text in their packages. The notice is that of the repository (node-redis), or names the
// author of package.json.
const notices: Readonly<Record<string, string>> = {
  'github.com/redis/node-redis': 'Copyright (c) 2022-2025, Redis, inc.',
  'github.com/nodable/val-parsers': 'Copyright (c) Amit Gupta (https://solothought.com)',
  'github.com/lddubeau/saxes':
    'Copyright (c) Contributors\nCopyright (c) Isaac Z. Schlueter and Contributors (sax)',
};

/** @param inputs paths relative to `root`, as the bundler lists them. */
export async function thirdPartyLicences(root: string, inputs: readonly string[]): Promise<string> {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
  const sections = await Promise.all([...folders].map(async (folder) => sectionOf(join(root, folder))));
  const texts = sections.toSorted((a, b) => (a.title < b.title ? -1 : 1)).map(({ text }) => text);
  const rule = `\n${'-'.repeat(80)}\n\n`;
  return `The bundle contains the following packages.\n${rule}${texts.join(rule)}`;
}

/** `node_modules/a/node_modules/@b/c/dist/d.js` -> `node_modules/a/node_modules/@b/c` */
function packageFolder(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/u.exec(path)?.[0];
}

async function sectionOf(folder: string): Promise<{ readonly title: string; readonly text: string }> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
  const title = `${manifest.name} ${manifest.version}`;
  const files = (await readdir(folder)).filter((file) =>
    /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/iu.test(file),
  );
  const texts = await Promise.all(files.toSorted().map(async (file) => readFile(join(folder, file), 'utf8')));
  const body = texts.length === 0 ? withoutFile(manifest) : texts.map((text) => text.trim()).join('\n\n');
  const text = `${title} (${manifest.license ?? 'see below'})\n\n${body.replaceAll('\r\n', '\n')}\n`;
  return { title, text };
}

function withoutFile({ name, license, repository }: Manifest): string {
  const url = (typeof repository === 'string' ? repository : repository?.url) ?? '';
  const notice = notices[/github\.com\/[\w.-]+\/[\w-]+/u.exec(url)?.[0] ?? ''];
  const text = texts[license ?? ''];
  if (text !== undefined && notice !== undefined) return `${license} License\n\n${notice}\n\n${text}`;
  throw new Error(`${name} is bundled and has no licence file (license: ${license ?? 'none'}, ${url}).`);
}

// https://spdx.org/licenses/MIT.html, https://spdx.org/licenses/ISC.html
const texts: Readonly<Record<string, string>> = {
  MIT: `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.`,
  ISC: `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN
AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
`,
};
