// An HTML file as text: `?raw` is Vite's word for it, the loader in scripts/package/bundle.ts esbuild's.

declare module '*.html?raw' {
  const text: string;
  export default text;
}
