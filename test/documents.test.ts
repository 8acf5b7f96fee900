/** What the documents say: files that are there, commands and flags that exist, examples that run. */

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const main = path.join(root, 'dist/cli/main.js');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const read = (document: string): string => readFileSync(path.join(root, document), 'utf8');

describe.each(['docs/architecture.md', 'CONTRIBUTING.md'])('%s', (document) => {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
  /** Folders that commands make: they need not be there. */
  const made = readFileSync(path.join(root, '.gitignore'), 'utf8').split('\n');
  /** In backticks: files, whole or by their names, and folders with a slash behind them. */
  const named = [
    ...new Set([...read(document).matchAll(/`([\w./-]+(?:\.ts|\/))`/g)].map(([, name]) => name!)),
  ];

  it.each(named.filter((name) => !/^\./.test(name) && !made.includes(`/${name}`)))(
    'names %s, which is there',
    (name) => {
      const isThere =
        existsSync(path.join(root, name)) ||
        existsSync(path.join(root, 'src', name)) ||
        sources.some((file) => file === name || file.endsWith(`/${name}`) || `${file}/`.endsWith(`/${name}`));
      expect(isThere).toBe(true);
    },
  );
});

describe('links', () => {
  it.each(documents)('of %s lead to files', (document) => {
    const targets = [...read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      ([, target]) => target!,
    );
    const missing = targets.filter((target) => !existsSync(path.join(root, path.dirname(document), target)));
    expect(missing).toEqual([]);
  });
});

describe('commands', () => {
  const commands = documents.flatMap((document) =>
    [...read(document).matchAll(/npx interlcm ((?:[^\n`|#\\]|\\\n)+)/g)].map(([, text]) => ({
      document,
      text: text!.replace(/\\\n/g, ' ').trim(),
    })),
  );
  const helps = new Map<string, string>();
  const helpOf = (command: string): string => {
    const known = helps.get(command);
    if (known !== undefined) return known;
    const help = execFileSync(process.execPath, [main, command, '--help'], { encoding: 'utf8' });
    helps.set(command, help);
    return help;
  };
  const names = [...new Set(commands.map(({ text }) => text.split(/\s/)[0]!))].filter((name) =>
    /^[a-z]+$/.test(name),
  );

  it('are many', () => {
    expect(names.length).toBeGreaterThan(10);
  });

  it.each(names)('%s exists with every flag that is shown of it', (command) => {
    const help = helpOf(command);
    expect(help).toContain(command);
    const flags = commands
      .filter(({ text }) => text.startsWith(`${command} `))
      .flatMap(({ text }) => [...text.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([flag]) => flag));
    expect([...new Set(flags)].filter((flag) => !help.includes(flag))).toEqual([]);
  });
});

it(
  "runs README's example of the library",
  async () => {
    const [example = ''] = [...read('README.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
    expect(example).toContain("from 'interlcm/node'");
    const folder = mkdtempSync(path.join(tmpdir(), 'interlcm-readme-'));
    // Inside the package, which may import itself by its name.
    const script = path.join(root, 'dist', 'readme-example.mjs');
    try {
      await sharp(path.join(root, 'examples/face-low.png')).jpeg().toFile(path.join(folder, 'face.jpg'));
      const write = "\nimport { writeFileSync } from 'node:fs';\nwriteFileSync('restored.png', png);\n";
      writeFileSync(script, example + write);
      await promisify(execFile)(process.execPath, [script], { cwd: folder });
      const { width, height, format } = await sharp(path.join(folder, 'restored.png')).metadata();
      expect([width, height, format]).toEqual([512, 512, 'png']);
    } finally {
      rmSync(script, { force: true });
      rmSync(folder, { recursive: true });
    }
  },
  5 * 60_000,
);

/** What README says is kept of a picture or a video, or is not: each with the test that holds it. */
const kept: readonly [claim: string, file: string, test: string][] = [
  [
    'outside the masks every pixel stays what it was',
    'src/restore/photo/restore-photo.test.ts',
    'changes faces, and nothing outside their crops by a bit',
  ],
  [
    'colours under transparency included',
    'src/platform/node/picture/kept-pixels.test.ts',
    'partial transparency',
  ],
  [
    'JPEG is encoded anew, at quality 95',
    'src/platform/node/picture/image-file.test.ts',
    'writes JPEG at quality 95, with whole colour resolution',
  ],
  [
    "Faces as sharp as the model's own output are left alone",
    'src/restore/photo/restore-photo.test.ts',
    'leaves sharp faces alone unless forced',
  ],
  ['gray photos stay gray', 'src/restore/photo/restore-photo.test.ts', 'keeps gray photos gray to the bit'],
  [
    'A picture in which one face sits as in FFHQ is restored as a whole',
    'src/cli/restore/restore-photos.test.ts',
    'that are one aligned face already are restored as a whole',
  ],
  ['by content', 'src/platform/node/picture/image-file.test.ts', 'goes by content, not by name'],
  [
    "the result has the input's format (GIF becomes PNG",
    'src/cli/restore/restore.test.ts',
    'keep their format and name when asked',
  ],
  [
    'colour profile',
    'src/cli/restore/restore.test.ts',
    'keep their colour profile and numbers in every format',
  ],
  ['transparency', 'src/cli/restore/restore.test.ts', 'keep their transparency where the format has it'],
  ['print resolution', 'src/platform/node/picture/kept-descriptions.test.ts', 'is kept in every format'],
  ['EXIF and XMP', 'src/platform/node/picture/image-file.test.ts', 'EXIF and XMP, for an upright picture'],
  [
    "PNG's texts",
    'src/platform/node/picture/kept-descriptions.test.ts',
    'of a PNG stay as they are, in order',
  ],
  ["JPEG's and GIF's comments", 'src/platform/node/picture/kept-descriptions.test.ts', 'comments of a GIF'],
  [
    "JPEG's and GIF's comments",
    'src/platform/node/picture/kept-descriptions.test.ts',
    'of a JPEG, its comments, stay',
  ],
  [
    "(IPTC, motion photos' videos, gain maps, further pages) is said to be left out",
    'src/platform/node/picture/kept-descriptions.test.ts',
    'what lies beside the picture in its file',
  ],
  ['further pages', 'src/platform/node/picture/image-file.test.ts', 'says what it leaves out'],
  [
    'Videos keep their frames, times and sound',
    'src/platform/node/video/kept-videos.test.ts',
    'at a varying rate',
  ],
  ['not their transparency', 'src/platform/node/video/kept-videos.test.ts', 'its transparency is left out'],
  [
    'One bad file does not stop the others',
    'src/cli/restore/restore.test.ts',
    'does the others when some are bad',
  ],
  [
    'a run that was stopped, or killed, goes on where it was',
    'src/cli/restore/restore-photos.test.ts',
    'do nothing twice, do what changed again, and what failed',
  ],
];

it.each(kept)('README: %s', (claim, file, test) => {
  expect(read('README.md').replace(/\s+/g, ' ')).toContain(claim);
  expect(read(file)).toContain(test);
});
