// Markdown as GitHub reads it: headings with their anchors, links, tables and code, each by a parser.

import GithubSlugger from 'github-slugger';
import { marked, type Token, type Tokens } from 'marked';

export interface Cell {
  /** Without its marks. */
  readonly text: string;
  /** What stands in it as code. */
  readonly code: readonly string[];
}

export interface Section {
  readonly heading: string;
  readonly depth: number;
  /** Of the link to it, without `#`. */
  readonly anchor: string;
  /** Without their headings. */
  readonly tables: readonly (readonly (readonly Cell[])[])[];
  readonly blocks: readonly { readonly language: string; readonly text: string }[];
}

export interface Page {
  /** What stands before the first heading is a section without one. */
  readonly sections: readonly Section[];
  readonly links: readonly string[];
  readonly images: readonly { readonly source: string; readonly description: string }[];
  readonly code: readonly string[];
}

export function parseMarkdown(markdown: string): Page {
  const tokens = marked.lexer(markdown);
  const everything = all(tokens);
  return {
    sections: sectionsOf(tokens),
    links: everything.filter(isLink).map(({ href }) => href),
    images: everything.filter(isImage).map(({ href, text }) => ({ source: href, description: text })),
    code: codeOf(everything),
  };
}

/** The rows of the first table below a heading. */
export function tableBelow({ sections }: Page, heading: string): readonly (readonly Cell[])[] {
  const table = sections.find((section) => section.heading === heading)?.tables[0];
  if (table === undefined) throw new Error(`There is no table below "${heading}".`);
  return table;
}

function sectionsOf(tokens: readonly Token[]): readonly Section[] {
  const slugger = new GithubSlugger();
  const starts = tokens.flatMap((token, index) => (token.type === 'heading' ? [index] : []));
  return [0, ...starts].flatMap((start, index) => {
    const within = tokens.slice(start, starts[index] ?? tokens.length);
    if (within.length === 0) return [];
    const [first] = within;
    const heading = first?.type === 'heading' ? textOf(first.tokens) : '';
    const content = all(within);
    return {
      heading,
      depth: first?.type === 'heading' ? Number(first['depth']) : 0,
      anchor: heading === '' ? '' : slugger.slug(heading),
      tables: content.filter(isTable).map(({ rows }) => rows.map((row) => row.map(cellOf))),
      blocks: content.filter(isBlock).map(({ lang, text }) => ({ language: lang ?? '', text })),
    };
  });
}

function cellOf({ tokens }: Tokens.TableCell): Cell {
  return { text: textOf(tokens), code: codeOf(all(tokens)) };
}

/** With all tokens that are in others. */
function all(tokens: readonly Token[]): readonly Token[] {
  const found: Token[] = [];
  void marked.walkTokens([...tokens], (token) => {
    found.push(token);
  });
  return found;
}

function textOf(tokens: readonly Token[] = []): string {
  return tokens.map((token) => ('tokens' in token ? textOf(token.tokens) : plain(token))).join('');
}

function plain(token: Token): string {
  return 'text' in token ? String(token['text']) : '';
}

const codeOf = (tokens: readonly Token[]): readonly string[] =>
  tokens.filter((token) => token.type === 'codespan').map(plain);
const isLink = (token: Token): token is Tokens.Link => token.type === 'link';
const isImage = (token: Token): token is Tokens.Image => token.type === 'image';
const isTable = (token: Token): token is Tokens.Table => token.type === 'table';
const isBlock = (token: Token): token is Tokens.Code => token.type === 'code';
