/** Whatever a flag that takes a file or a folder is given instead: which one it was, and why, is said in plain words. */

import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli } from 'cleye';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { benchCommand } from '../src/cli/bench/bench.ts';
import { degradeCommand } from '../src/cli/degrade/degrade.ts';
import { downloadCommand } from '../src/cli/download.ts';
import { evaluateCommand } from '../src/cli/evaluate/evaluate.ts';
import { facesCommand } from '../src/cli/faces/faces.ts';
import { infoCommand } from '../src/cli/info.ts';
import { packCommand } from '../src/cli/pack.ts';
import { restoreCommand } from '../src/cli/restore/restore.ts';
import { serveCommand } from '../src/cli/serve/serve.ts';
import { adviseOn } from '../src/cli/terminal/advice.ts';
import { UsageError } from '../src/cli/terminal/usage-error.ts';
import { trainCommand } from '../src/cli/train.ts';
import { verifyCommand } from '../src/cli/verify.ts';

const commands = [
  benchCommand,
  degradeCommand,
  downloadCommand,
  evaluateCommand,
  facesCommand,
  infoCommand,
  packCommand,
  restoreCommand,
  serveCommand,
  trainCommand,
  verifyCommand,
];

let root: string;
const at = (...names: string[]): string => join(root, ...names);
const isRoot = process.getuid?.() === 0;
/** Files of a user who is not the one that reads. */
const nobody = 65_534;

beforeAll(async () => {
  process.setMaxListeners(200); // each command listens for Ctrl-C
  root = await mkdtemp(join(tmpdir(), 'file-flags-'));
  await chmod(root, 0o755);
  const picture = sharp({ create: { width: 32, height: 32, channels: 3, background: '#842' } }).png();
  for (const folder of ['pictures', 'folder', 'empty-folder', 'texts']) await mkdir(at(folder));
  await picture.toFile(at('pictures/a.png'));
  for (const name of ['b', 'c', 'd']) await picture.toFile(at(`pictures/${name}.png`));
  await picture.toFile(at('folder/a.png'));
  await writeFile(at('texts/note.txt'), 'a note');
  await writeFile(at('empty'), '');
  await writeFile(at('text'), 'This is a note, and nothing else.\n'.repeat(20));
  await writeFile(at('unreadable'), 'nobody may read this', { mode: 0o000 });
  // Restorers are told by their ending.
  await mkdir(at('folder.onnx'));
  await writeFile(at('empty.onnx'), '');
  await writeFile(at('text.onnx'), 'This is a note, and nothing else.\n'.repeat(20));
  await writeFile(at('unreadable.onnx'), 'nobody may read this', { mode: 0o000 });
  await symlink('nowhere', at('dangling.onnx'));
  await symlink('nowhere', at('dangling'));
  await writeFile(
    at('config.json'),
    JSON.stringify({
      stage: 'autoencoder',
      iterations: 1,
      train: ['vae'],
      networks: { vae: { block_out_channels: [8, 8], layers_per_block: 1, norm_num_groups: 4 } },
      data: { size: 16, canvas: 16, batch: 1, workers: 0 },
      optimizer: { learningRate: 1e-3 },
      losses: { l1: { weight: 1 } },
    }),
  );
});
afterAll(() => rm(root, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** Runs a command within this process. @returns all it says of what is wrong */
async function complaint(args: readonly string[]): Promise<{ text: string; code: number }> {
  const written: string[] = [];
  const collect = (text: unknown): boolean => written.push(String(text)) > 0;
  vi.spyOn(process.stderr, 'write').mockImplementation(collect);
  vi.spyOn(process.stdout, 'write').mockImplementation(collect);
  let code: number;
  try {
    await cli({ name: 'interlcm', commands }, undefined, [...args]);
    code = Number(process.exitCode ?? 0);
  } catch (error) {
    written.push(adviseOn(error));
    code = error instanceof UsageError ? 2 : 1;
  }
  return { text: written.join(''), code };
}

/** What no message may hold: codes of the system, JavaScript's own words, traces, a schema's report. */
const raw =
  /\bE[A-Z]{3,}\b|undefined|\[object|Maximum call|Zod|"code":|"path":|\n {4}at |TypeError|not a function/;

async function expectComplaint(args: readonly string[], named: string, cause: RegExp): Promise<void> {
  const { text, code } = await complaint(args.map((arg) => arg.replace('{}', at(named))));
  expect(text).toContain(named);
  expect(text).toMatch(cause);
  expect(text).not.toMatch(raw);
  expect(code, text).toBeGreaterThan(0);
}

const missing = /there is no such file|no such file|cannot be found|has no |holds no |is no |not there/i;
const notAFile = /folder|not a file|not a regular file/;

const picture = 'pictures/a.png';
const encoders = ['--visual-encoder', 'v.pth', '--spatial-encoder', 's.pth'];
const restore = (...args: string[]) => [
  'restore',
  `{root}/${picture}`,
  '-o',
  '{root}/out',
  '--force',
  ...args,
];
const evaluate = (...args: string[]) =>
  ['evaluate', '--hq', '{root}/pictures', '--restored', '{root}/pictures', '--no-identity'].concat(args);
const train = (...args: string[]) => ['train', '--out', '{root}/run'].concat(args);
const restoreBy = (...args: string[]) => [...args, '--restorer', '{}.onnx'];
const placed = (args: readonly string[]): string[] => args.map((arg) => arg.replace('{root}', root));

describe('a file', () => {
  const rows: [flag: string, args: string[], notIt?: RegExp][] = [
    ['restore PICTURE', ['restore', '{}', '-o', '{root}/out']],
    ['restore --mask', restore('--mask', '{}', '--aligned', ...encoders)],
    ['restore --visual-encoder', restore('--aligned', '--visual-encoder', '{}')],
    ['restore --spatial-encoder', restore('--aligned', '--spatial-encoder', '{}')],
    ['restore --detector', restore('--detector', '{}')],
    ['restore --parser', restore('--parser', '{}', '--box', '2,2,20,20')],
    ['restore --background', restore('--background', '{}', '--upscale', '2', '--box', '2,2,20,20')],
    ['faces PHOTO', ['faces', '{}']],
    ['faces --detector', ['faces', `{root}/${picture}`, '--detector', '{}']],
    ['evaluate --lpips', evaluate('--lpips', '{}', '--vgg', '{}')],
    ['evaluate --vgg', evaluate('--features', 'vgg16', '--vgg', '{}')],
    ['evaluate --weights', evaluate('--metrics', 'musiq', '--weights', 'musiq={}')],
    ['evaluate --restorer', restoreBy('evaluate', '--hq', '{root}/pictures', '--lq', '{root}/pictures')],
    ['restore --restorer', restoreBy(...restore('--aligned'))],
    ['verify TARGET', ['verify', '{}']],
    ['bench --faces', ['bench', '--faces', '{}']],
    ['info --visual-encoder', ['info', '--visual-encoder', '{}']],
    ['info --check --spatial-encoder', ['info', '--check', '--spatial-encoder', '{}']],
    ['train --config', train('--data', '{root}/pictures', '--config', '{}')],
    ['degrade PICTURE', ['degrade', '{}', '-o', '{root}/pairs']],
    ['serve --keys', ['serve', '--keys', '{}']],
  ];
  /** A folder of pictures is what these take as well. */
  const orFolder = /^(restore PICTURE|faces PHOTO|degrade PICTURE|verify)/;

  it.each(rows)('%s: one that is not there, or a link to nowhere', async (_, args) => {
    await expectComplaint(placed(args), 'nothing-here', missing);
    await expectComplaint(placed(args), 'dangling', missing);
  });

  it.each(rows.filter(([flag]) => !orFolder.test(flag)))('%s: a folder', async (_, args) => {
    await expectComplaint(placed(args), 'folder', notAFile);
  });

  it.each(rows)('%s: an empty one', async (_, args) => {
    await expectComplaint(
      placed(args),
      'empty',
      /empty|too short|0 bytes|not JSON|holds no key|not a picture/i,
    );
  });

  it.each(rows)('%s: a text', async (_, args) => {
    await expectComplaint(placed(args), 'text', /is no|not a|not JSON|neither|unknown kind|does not/i);
  });

  it.skipIf(!isRoot && process.platform === 'win32').each(rows)(
    '%s: one that may not be read',
    async (_, args) => {
      if (isRoot) process.seteuid!(nobody);
      try {
        await expectComplaint(placed(args), 'unreadable', /permission denied|may not be read/);
      } finally {
        if (isRoot) process.seteuid!(0);
      }
    },
  );
});

describe('JSON of another form', () => {
  const forms = { list: '[1, 2]', nothing: 'null', other: '{"spec": {"batch": "two"}, "stage": 7}' };
  it.each(Object.keys(forms) as (keyof typeof forms)[])('%s', async (form) => {
    const file = `${form}.json`;
    await writeFile(at(file), forms[form]);
    await mkdir(at(`reference-${form}`, 'checkpoint'), { recursive: true });
    await writeFile(at(`reference-${form}`, 'reference.json'), forms[form]);
    await expectComplaint(
      ['verify', '{}'],
      file,
      /no reference of this kind: \w[\w.]*: (Invalid input|missing)/,
    );
    await expectComplaint(['verify', '--gradients', '{}'], `reference-${form}`, /Cannot \w+ /);
    await expectComplaint(['verify', '{}'], `reference-${form}`, /Cannot \w+ /);
    const args = ['train', '--out', at('run'), '--data', at('pictures'), '--config', '{}'];
    await expectComplaint(args, file, /Cannot train by .*: \w[\w.]*: (Invalid|missing)/);
  });
});

describe('a folder', () => {
  const withData = ['--config', '{root}/config.json', '--data', '{root}/pictures'];
  const rows: [flag: string, args: string[]][] = [
    ['restore --checkpoint', restore('--aligned', '--checkpoint', '{}')],
    ['evaluate --hq', ['evaluate', '--hq', '{}', '--restored', '{root}/pictures', '--no-identity']],
    ['evaluate --restored', ['evaluate', '--hq', '{root}/pictures', '--restored', '{}', '--no-identity']],
    [
      'evaluate --checkpoint',
      ['evaluate', '--hq', '{root}/pictures', '--lq', '{root}/pictures', '--checkpoint', '{}'],
    ],
    ['info FOLDER', ['info', '{}']],
    ['verify --gradients FOLDER', ['verify', '--gradients', '{}']],
    ['pack CHECKPOINT', ['pack', '{}', '-o', '{root}/packed']],
    ['train --data', train('--config', '{root}/config.json', '--data', '{}')],
    ['train --pairs', train('--config', '{root}/config.json', '--pairs', '{}')],
    ['train --validation', train(...withData, '--validation', '{}')],
    ['train --from', train(...withData, '--from', '{}')],
    ['train --resume', ['train', '--resume', '{}']],
  ];

  it.each(rows)('%s: one that is not there, or a link to nowhere', async (_, args) => {
    await expectComplaint(placed(args), 'nothing-here', missing);
    await expectComplaint(placed(args), 'dangling', missing);
  });

  it.each(rows)('%s: a text', async (_, args) => {
    await expectComplaint(placed(args), 'text', /file|not a picture|not a folder/i);
  });

  it.each(rows)('%s: an empty one, or one of texts', async (_, args) => {
    const nothing = /there is no|has no|find a picture|holds no|lacks|no run was|missing/i;
    await expectComplaint(placed(args), 'empty-folder', nothing);
    await expectComplaint(placed(args), 'texts', nothing);
  });
});

describe('a place to write to', () => {
  const table = evaluate('--metrics', 'psnr');
  const files: [flag: string, args: string[]][] = [
    ['evaluate --sheet', evaluate('--sheet', '{}.png')],
    ['evaluate --csv', [...table, '--csv', '{}']],
    ['evaluate --markdown', [...table, '--markdown', '{}']],
    ['evaluate --journal', [...table, '--journal', '{}']],
  ];
  it.each(files)('%s: a folder', async (_, args) => {
    await mkdir(at('in-the-way.png'), { recursive: true });
    await mkdir(at('in-the-way'), { recursive: true });
    await expectComplaint(placed(args), 'in-the-way', /folder/);
    expect(await readdir(at('in-the-way'))).toEqual([]);
  });

  const folders: [flag: string, args: string[]][] = [
    ['restore --output', ['restore', `{root}/${picture}`, '-o', '{}']],
    ['degrade --output', ['degrade', `{root}/${picture}`, '-o', '{}']],
    ['info --save-graphs', ['info', '--save-graphs', '{}']],
    ['train --out', ['train', '--config', '{root}/config.json', '--data', '{root}/pictures', '--out', '{}']],
    ['pack --out', ['pack', '{root}/pictures', '--out', '{}']],
    ['download --output', ['download', 'detector', '--yes', '--offline', '-o', '{}']],
    ['serve --data', ['serve', '--port', '0', '--data', '{}']],
  ];
  it.each(folders)('%s: a file', async (_, args) => {
    await expectComplaint(placed(args), 'text', /file|folder/);
  });
});
