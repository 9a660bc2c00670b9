// A file as text: `?raw` is Vite's word for it, the loaders in scripts/package/bundle.ts esbuild's.

declare module '*?raw' {
  const text: string;
  export default text;
}
