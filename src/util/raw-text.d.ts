// A file as text: `?raw` is Vite's word for it; for the bundles scripts/bundling/text-imports.ts reads it.

declare module '*?raw' {
  const text: string;
  export default text;
}
