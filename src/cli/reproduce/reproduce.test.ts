import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawFaces, renderPixels } from '../../face/drawn-face.test-support.ts';
import { handMadeModel } from '../../graph/onnx/hand-made-model.test-support.ts';
import { toBytePixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { psnr } from '../../metrics/psnr.ts';
import { listProtocols, readProtocol } from '../../platform/node/measure/protocol-files.ts';
import { makeFormulaCheckpoint } from '../../platform/node/model/formula-checkpoint.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import { readImageFile } from '../../platform/node/picture/image-file.ts';
import { microSpec } from '../../verify/formula.ts';
import { readReproduceRequest } from './reproduce.ts';
import { runReproduce } from './run-reproduce.ts';

let root: string;
const minutes = 60_000;

/** CelebA-Test of two faces, and results of two methods: one that the paper has, as its script lays them out. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'reproduce-'));
  const folders = ['data/CelebA_Test/hq', 'data/CelebA_Test/lq', 'rivals/new/celeba-test'];
  const gfpgan = 'rivals/GFPGAN/celeba-test/restored_faces';
  for (const folder of [...folders, gfpgan]) await mkdir(join(root, folder), { recursive: true });
  for (const [i, turn] of [0, 8].entries()) {
    const face = await renderPixels(drawFaces(64, 64, [{ x: 4, y: 6, size: 52, turn }]));
    const low = toBytePixels(resizePixels(face, { width: 24, height: 24 }, 'area'));
    const soft = toBytePixels(resizePixels(low, face, 'bilinear'));
    const write = async (folder: string, name: string, pixels: typeof face) =>
      writeFile(join(root, folder, name), await encodeImage(pixels, 'png'));
    await write('data/CelebA_Test/hq', `face${i}.png`, face);
    await write('data/CelebA_Test/lq', `face${i}.png`, low);
    await write('rivals/new/celeba-test', `face${i}.png`, face);
    await write(gfpgan, `face${i}_00.png`, soft);
  }
}, minutes);
afterAll(() => rm(root, { recursive: true, force: true }));

async function reproduce(
  table: string,
  flags: Partial<Parameters<typeof readReproduceRequest>[1]> = {},
  restorer?: Parameters<typeof readReproduceRequest>[2],
) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const output = join(root, 'out');
  const given = { data: join(root, 'data'), output, weights: [join(root, 'nowhere')], threads: 1, ...flags };
  const whole = await runReproduce(readReproduceRequest(table, given, restorer), {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    signal: new AbortController().signal,
  });
  return { ...written, whole, output: given.output };
}

describe('the tables that come along', () => {
  it('are four, and have the numbers that the paper prints', async () => {
    expect(await listProtocols()).toEqual(['table1', 'table2', 'table3', 'table4']);
    const [one, two, three] = await Promise.all(['table1', 'table2', 'table3'].map(readProtocol));
    expect(one!.rows).toHaveLength(14);
    const ours = one!.rows.find(({ name }) => name === 'interlcm')!;
    expect(ours.values['celeba-test']).toEqual([0.223, 45.38, 76.58, 33.64, 25.19, 0.718]);
    for (const { rows } of [two!, three!])
      for (const set of ['lfw-test', 'webphoto-test', 'wider-test'])
        expect(rows.find(({ name }) => name === 'interlcm')!.values[set]).toEqual(ours.values[set]);
  });
});

describe('reproduce', () => {
  it('measures results beside the paper, without the metrics whose weights are missing', {
    timeout: minutes,
  }, async () => {
    const { stdout, stderr, whole, output } = await reproduce('table1', {
      rivals: join(root, 'rivals'),
      rows: 'input,gfpgan,new',
      json: true,
    });
    expect(whole).toBe(true);
    expect(stderr).toMatch(/lpips is not measured: it needs .*to be downloaded as lpips/);
    expect(stderr).toContain('LFW-Test (lfw-test, or lfw, or lfw_cropped_faces)');
    const { sets, missing } = JSON.parse(stdout);
    expect(missing).toEqual(['LFW-Test', 'WebPhoto-Test', 'WIDER-Test']);
    const rows: { name: string; cells: { metric: string; paper?: number; here?: { mean: number } }[] }[] =
      sets[0].rows;
    expect(rows).toHaveLength(15);
    const cell = (name: string, metric: string) =>
      rows.find((row) => row.name === name)!.cells.find((one) => one.metric === metric)!;
    const scores = await Promise.all(
      [0, 1].map(async (i) => {
        const read = async (place: string) => (await readImageFile(join(root, place))).pixels;
        const soft = await read(`rivals/GFPGAN/celeba-test/restored_faces/face${i}_00.png`);
        return psnr(soft, await read(`data/CelebA_Test/hq/face${i}.png`));
      }),
    );
    expect(cell('gfpgan', 'psnr').here!.mean).toBeCloseTo((scores[0]! + scores[1]!) / 2, 9);
    expect(cell('gfpgan', 'psnr')).toMatchObject({ paper: 24.64, agrees: false });
    expect(cell('gfpgan', 'lpips')).toEqual({ metric: 'lpips', paper: 0.23 });
    expect(cell('new', 'ssim').here!.mean).toBeCloseTo(1, 12);
    const csv = await readFile(join(output, 'table1.csv'), 'utf8');
    expect(csv).toContain('table1,celeba-test,gfpgan,paper,psnr,24.64,,,,,\n');
    expect(csv).toMatch(/^table1,celeba-test,gfpgan,here,psnr,[\d.]+,[\d.]+,[\d.]+,2,-?[\d.]+,false$/m);
    const markdown = await readFile(join(output, 'table1.md'), 'utf8');
    expect(markdown).toContain('## CelebA-Test: 2 pictures; the set has 3000');
    expect(markdown).toMatch(/\| GFPGAN, here \| - \| - \| - \| - \| [\d.]+ \([+-][\d.]+\)\* \|/);
  });

  const own = {
    title: 'Of its own',
    source: 'nowhere',
    notes: [],
    sets: [{ name: 'faces', label: 'Faces', folders: ['other'], standIn: 'CelebA_Test', metrics: ['psnr'] }],
    rows: [{ name: 'ours', label: 'Ours', measures: 'restored', values: {} }],
  };

  it('restores what it is to restore once, and goes on from there', { timeout: 3 * minutes }, async () => {
    const table = join(root, 'own.json');
    await writeFile(table, JSON.stringify(own));
    const output = join(root, 'own');
    const checkpoint = join(root, 'checkpoint');
    await makeFormulaCheckpoint(microSpec, checkpoint);
    const first = await reproduce(table, { output, checkpoint });
    expect(first.stdout).toMatch(
      /Faces: 2 pictures that stand in for it\n +PSNR ↑ +seconds\nOurs +[\d.]+ +[\d.]+\n/,
    );
    const folder = join(output, 'restored/ours/faces');
    const result = join(folder, 'face1.png');
    const [kept, lost] = [await readFile(join(folder, 'face0.png')), await readFile(result)];
    await rm(result);
    const old = new Date(0);
    await utimes(join(folder, 'face0.png'), old, old);
    const second = await reproduce(table, { output, checkpoint });
    expect(second.stdout.replaceAll(/ +[\d.]+\n/g, '')).toBe(first.stdout.replaceAll(/ +[\d.]+\n/g, ''));
    expect(await readFile(result)).toEqual(lost);
    expect((await stat(join(folder, 'face0.png'))).mtime).toEqual(old);
    expect(kept.length).toBeGreaterThan(1000);
    const other = await reproduce(table, { output, checkpoint, seed: 1 }).catch(
      (error: Error) => error.message,
    );
    expect(other).toContain('were restored with other weights, settings or from other pictures');
  });

  it('names a picture that cannot be restored, and measures the others', { timeout: minutes }, async () => {
    const data = join(root, 'broken');
    await cp(join(root, 'data'), data, { recursive: true });
    await writeFile(join(data, 'CelebA_Test/lq/face1.png'), 'a note');
    const [table, output] = [join(root, 'own.json'), join(root, 'broken-out')];
    const run = await reproduce(table, { data, output, checkpoint: join(root, 'checkpoint') });
    expect(run.whole).toBe(false);
    expect(run.stderr).toMatch(/not restored: .*face1\.png: it is not a picture/);
    expect(run.stdout).toContain('Not measured: Faces, Ours: 1 picture');
    expect(run.stdout).toContain('Faces: 1 picture that stands in for it');
  });

  it('lets another restorer fill its own row', { timeout: minutes }, async () => {
    const file = join(root, 'soft.onnx');
    const shape = [1, 3, 64, 64];
    const nodes = [{ op: 'Identity', inputs: ['input'], outputs: ['output'] }];
    const ports = { inputs: [{ name: 'input', shape }], outputs: [{ name: 'output', shape }] };
    await writeFile(file, handMadeModel({ nodes, ...ports }));
    const restorer = { name: 'VQFR', file, config: {} };
    const { stdout } = await reproduce('table1', { output: join(root, 'vqfr') }, restorer);
    // As the low-quality pictures, enlarged: so are the results of the method that the other tests have.
    const { stdout: same } = await reproduce('table1', { rivals: join(root, 'rivals'), rows: 'gfpgan' });
    const scores = (text: string, row: string) =>
      new RegExp(`^${row}, here +((?:- +)+)([\\d.]+) .*?([\\d.]+) \\(`, 'm').exec(text)?.slice(2);
    expect(scores(stdout, 'VQFR')).toEqual(scores(same, 'GFPGAN'));
    expect(scores(stdout, 'VQFR')).toHaveLength(2);
    expect(stdout).not.toContain('InterLCM, here');
  });

  it('goes on with the others where results of one lack a picture', { timeout: minutes }, async () => {
    const rivals = join(root, 'torn');
    await cp(join(root, 'rivals'), rivals, { recursive: true });
    const folder = join(rivals, 'new/celeba-test');
    await rename(join(folder, 'face1.png'), join(folder, 'face7.png'));
    const { stdout, whole } = await reproduce('table1', { rivals, rows: 'gfpgan,new' });
    expect(whole).toBe(false);
    expect(stdout).toMatch(/Not measured: CelebA-Test, new: Cannot pair the pictures: .*lacks face1/);
    expect(stdout).toMatch(/^GFPGAN, here/m);
    // The first run's journal was not written again: the second run measured nothing of it.
    const journals = await readdir(join(root, 'out/journals'));
    expect(journals.filter((name) => name.startsWith('gfpgan.'))).toHaveLength(1);
  });

  it.each<[what: string, table: string | undefined, flags: object, message: string]>([
    ['no table', undefined, {}, 'reproduce needs a table'],
    ['no data', 'table1', { data: undefined }, 'reproduce needs --data'],
    ['a set without a folder', 'table1', { set: ['lfw-test'] }, '--set takes a name and a folder'],
  ])('refuses %s', (_, table, flags, message) => {
    expect(() => readReproduceRequest(table, { data: 'd', output: 'o', ...flags })).toThrow(message);
  });

  it.each<[what: string, table: string, flags: object, message: string]>([
    ['a table that there is not', 'table9', {}, 'There is no table table9; there are table1,'],
    [
      'a set that there is not',
      'table2',
      { set: ['celeba-test=x'] },
      '--set celeba-test: there are lfw-test',
    ],
    ['data that are not there', 'table1', { data: '/nowhere/at/all' }, 'Cannot look for pictures in'],
    ['data without sets', 'table3', {}, 'Cannot reproduce table3: not in'],
  ])('refuses %s', async (_, table, flags, message) => {
    await expect(reproduce(table, flags)).rejects.toThrow(message);
  });
});
