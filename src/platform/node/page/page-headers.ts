/** What a server of the page says with each file of it. */

/**
 * Scripts of the page only, none in its text; WebAssembly; pictures that it made; weights from any encrypted address.
 * @param place `meta` elements cannot say who may frame the page
 */
export function contentSecurityPolicy(place: 'header' | 'meta' = 'header'): string {
  const rules = {
    'default-src': "'none'",
    'script-src': "'self' 'wasm-unsafe-eval'",
    'worker-src': "'self'",
    'style-src': "'self'",
    'img-src': "'self' blob:",
    'connect-src': "'self' https:",
    'manifest-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    ...(place === 'header' && { 'frame-ancestors': "'none'" }),
  };
  return Object.entries(rules)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');
}

/** Isolation from other origins is what WebAssembly threads need. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy(),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
