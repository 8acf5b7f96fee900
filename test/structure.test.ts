import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** Folders of src from the bottom up; a file imports from its own folder and from rows below. */
const rows = [
  ['failure', 'tensor'],
  ['random', 'checkpoint', 'graph', 'diffusion', 'image', 'metrics'],
  ['nn'],
  ['models', 'runtime'],
  ['face', 'measure'],
  ['restore'],
  ['generate'],
  ['train'],
  ['verify'],
  ['platform'],
  ['server'],
  ['cli', 'page', 'index.ts'],
];
/** Entries of one row that one folder may use beside itself. */
const besides: Readonly<Record<string, readonly string[]>> = {
  image: ['random', 'checkpoint'],
  metrics: ['image', 'random'],
};
/** Rows within a folder, in the same way.  */
const innerRows: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'platform/node': [
    ['files'],
    ['engine', 'picture', 'video', 'download'],
    ['model'],
    ['page'],
    ['train'],
    ['measure'],
    ['index.ts'],
  ],
  server: [
    ['job'],
    ['metrics.ts'],
    ['work', 'http', 'sweep.ts'],
    ['service-settings.ts'],
    ['open-stores.ts'],
    ['start-service.ts'],
  ],
  cli: [
    ['terminal'],
    ['restore', 'evaluate', 'faces', 'degrade', 'serve', 'generate', 'analyse'],
    ['reproduce'],
    [
      'bench',
      'doctor.ts',
      'download.ts',
      'embed.ts',
      'info.ts',
      'pack.ts',
      'page.ts',
      'train.ts',
      'verify.ts',
    ],
    ['commands.ts'],
    ['main.ts'],
  ],
};
/** Where each package may be used; a new one must be given its place. */
const packagePlaces: Readonly<Record<string, RegExp>> = {
  zod: /./,
  '@bufbuild/protobuf': /^graph\/onnx\/|^platform\/node\/train\//,
  'onnxruntime-common': /^runtime\//,
  'onnxruntime-web': /^platform\/web\//,
  'onnxruntime-node': /^platform\/node\/(engine|measure)\//,
  sharp: /^platform\/node\/(picture|train|measure)\//,
  '@xmldom/xmldom': /^platform\/node\/picture\/xml-codec\.ts$/,
  'fft.js': /^image\//,
  vega: /^platform\/node\/picture\/|^cli\/analyse\//,
  'env-paths': /^platform\/node\/files\//,
  tinyglobby: /^platform\/node\/files\//,
  undici: /^platform\/node\/download\//,
  cleye: /^cli\//,
  hono: /^server\/http\//,
  '@hono/zod-openapi': /^server\/(http|job)\//,
  '@hono/node-server': /^server\/start-service\.ts$/,
  busboy: /^server\/http\/upload\.ts$/,
  'rate-limiter-flexible': /^server\/http\/access\.ts$/,
  'prom-client': /^server\/metrics\.ts$/,
  pino: /^server\/start-service\.ts$|^cli\/serve\//,
  bullmq: /^server\/job\/redis-queue\.ts$/,
  ioredis: /^server\/job\/redis-queue\.ts$/,
  koffi: /^platform\/node\/(train\/mpi-communicator|engine\/kept-memory)\.ts$/,
  '@aws-sdk/client-s3': /^server\/job\/s3-picture-store\.ts$/,
  '@jsquash/avif': /^page\/worker\//,
  '@jsquash/jpeg': /^page\/worker\//,
  '@jsquash/png': /^page\/worker\//,
  '@jsquash/webp': /^page\/worker\//,
  fflate: /^(image\/file|page)\//,
};
const browserSafe = (file: string): boolean => !/^(platform\/node|server|cli)\//.test(file);

const source = path.resolve(import.meta.dirname, '../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !/\.test(-support)?\.ts$/.test(file));

const importPattern =
  /^(?:import|export)\b[^;']*?\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm;
const importsOf = (file: string): string[] =>
  [...readFileSync(path.join(source, file), 'utf8').matchAll(importPattern)].map(
    ([, from, alone, dynamic]) => (from ?? alone ?? dynamic)!,
  );
const pathOf = (file: string, target: string): string => path.posix.join(path.posix.dirname(file), target);
const folderOf = (file: string): string => file.split('/')[0]!;
const rowOf = (folder: string): number => rows.findIndex((row) => row.includes(folder));

it('finds the sources', () => {
  expect(files.length).toBeGreaterThan(50);
});

it.each(files)('%s imports from its own folder and from rows below', (file) => {
  const folder = folderOf(file);
  expect(rowOf(folder), `src/${folder} has no row`).toBeGreaterThanOrEqual(0);
  for (const target of importsOf(file).filter((name) => name.startsWith('.'))) {
    const imported = folderOf(pathOf(file, target));
    const allowed =
      imported === folder ||
      rowOf(imported) < rowOf(folder) ||
      (besides[folder]?.includes(imported) ?? false);
    expect(allowed, `${target} (src/${imported}) is not below src/${folder}`).toBe(true);
  }
});

it.each(files.filter(browserSafe))('%s runs in a browser', (file) => {
  expect(importsOf(file).filter((name) => /^node:|^sharp$|^onnxruntime-node$/.test(name))).toEqual([]);
});

describe.each(Object.entries(innerRows))('in %s', (folder, order) => {
  const inside = files.filter((file) => file.startsWith(`${folder}/`));
  const partOf = (file: string): string => folderOf(file.slice(folder.length + 1));
  const place = (part: string): number => order.findIndex((row) => row.includes(part));

  it.each(inside)('%s imports from its own part and from parts below', (file) => {
    const part = partOf(file);
    expect(place(part), `${folder}/${part} has no row`).toBeGreaterThanOrEqual(0);
    for (const target of importsOf(file).filter((name) => name.startsWith('.'))) {
      const imported = pathOf(file, target);
      if (!imported.startsWith(`${folder}/`) || partOf(imported) === part) continue;
      expect(place(partOf(imported)), `${target} is not below ${folder}/${part}`).toBeLessThan(place(part));
    }
  });
});

it.each(files)('%s uses packages where they belong', (file) => {
  const packages = importsOf(file)
    .filter((name) => !/^\.|^node:/.test(name))
    .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)![0]);
  for (const name of packages) expect(file, `${name} has its place`).toMatch(packagePlaces[name] ?? /^$/);
});

it.each(files.filter((file) => /^(page\/|platform\/web\/|index\.ts$)/.test(file)))(
  '%s reaches nothing of Node, by whatever way',
  (file) => {
    const reached = new Set([file]);
    for (const next of reached)
      for (const target of importsOf(next).filter((name) => name.startsWith('.')))
        reached.add(pathOf(next, target));
    expect([...reached].filter((name) => !browserSafe(name))).toEqual([]);
  },
);

/** What looks like a flag of ours and is none. */
const noFlags: Readonly<Record<string, readonly string[]>> = {
  // A property of the style sheet.
  'page/main.ts': ['--share'],
};
const withoutComments = (text: string): string => text.replace(/^\s*\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');

it.each(files.filter((file) => folderOf(file) !== 'cli'))(
  '%s names no flag: causes below, advice above',
  (file) => {
    const code = withoutComments(readFileSync(path.join(source, file), 'utf8'));
    const named = [
      ...code.matchAll(
        /(?<![\w-])--[a-z][a-z-]*|\binterlcm (?:restore|faces|download|evaluate|reproduce|verify|bench|info|doctor|train|degrade|pack)\b/g,
      ),
    ];
    expect(named.map(([flag]) => flag).filter((flag) => !noFlags[file]?.includes(flag))).toEqual([]);
  },
);

/** Files that may be longer than others; their heads say why. */
const longFiles = ['graph/gradient/rules.ts', 'graph/infer.ts'];
const mostLines = 300;
const textOf = (file: string): string => readFileSync(path.join(source, file), 'utf8');
const headOf = (file: string): string =>
  (/^\/\*\*.*?\*\//s.exec(textOf(file))?.[0] ?? '').replace(/\s*\n \*\s*/g, ' ');

it.each(files.filter((file) => !longFiles.includes(file)))(`%s has at most ${mostLines} lines`, (file) => {
  expect(textOf(file).trimEnd().split('\n').length).toBeLessThanOrEqual(mostLines);
});

it.each(longFiles)('%s says why it is long', (file) => {
  expect(headOf(file)).toMatch(/Longer than most files because/);
});

const exportedFunction =
  /(?<documented>\*\/\n)?^export (?:(?:async )?function\*? (?<declared>\w+)|const (?<arrow>\w+)(?:: [^=;]+)? =\s*(?:async )?\([^;{}]*?\)(?:: [^=;]+)? =>)/gm;
/** Exported functions, and whether a docstring stands before each; one with overloads counts by its first. */
function documentedFunctions(file: string): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  for (const { groups } of textOf(file).matchAll(exportedFunction)) {
    const name = groups!['declared'] ?? groups!['arrow']!;
    if (!found.has(name)) found.set(name, groups!['documented'] !== undefined);
  }
  return found;
}

it('finds exported functions', () => {
  expect([...documentedFunctions('graph/ops.ts').keys()]).toEqual(
    expect.arrayContaining(['slice', 'transpose']),
  );
});

it.each(files.filter((file) => !/^(cli|page)\//.test(file)))(
  '%s documents the functions it exports',
  (file) => {
    const bare = [...documentedFunctions(file)].filter(([, documented]) => !documented);
    expect(bare.map(([name]) => name)).toEqual([]);
  },
);
