import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** Packages that a module and its static imports load. */
function staticPackages(url: URL, visited = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (visited.has(url.href)) return packages;
  visited.add(url.href);
  const source = readFileSync(url, 'utf8');
  for (const [, specifier = ''] of source.matchAll(/^(?:import|export) (?!type\b)[^;]*?from '([^']+)'/gm)) {
    if (!specifier.startsWith('.')) packages.add(specifier);
    else for (const name of staticPackages(new URL(specifier, url), visited)) packages.add(name);
  }
  return packages;
}

it('loads nothing that takes long before a command needs it', () => {
  const packages = staticPackages(new URL('commands.ts', import.meta.url));
  expect(packages).toContain('cleye');
  expect([...packages].filter((name) => name !== 'cleye' && !name.startsWith('node:'))).toEqual([]);
});

it('finds what a command loads when it runs', () => {
  expect(staticPackages(new URL('restore/restore-files.ts', import.meta.url))).toContain('sharp');
});
