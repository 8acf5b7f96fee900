/** What Vite gives to modules of the page. */
interface ImportMeta {
  readonly env: { readonly DEV: boolean; readonly PROD: boolean };
}
declare module '*.css';
