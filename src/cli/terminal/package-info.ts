import { readFileSync } from 'node:fs';

export interface PackageInfo {
  readonly version: string;
  readonly description: string;
  readonly engines: { readonly node: string };
}

/** What this package's package.json says of it. */
export function packageInfo(): PackageInfo {
  return JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as PackageInfo;
}
