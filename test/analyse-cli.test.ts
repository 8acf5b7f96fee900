/** The analyses of samplers' states by the built command, on the embedded model, a drawn one and drawn states. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { microSpec } from '../src/verify/formula.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const face = fileURLToPath(new URL('../examples/face-low.png', import.meta.url));

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'analyse-cli-'));
  await mkdir(join(root, 'lq'));
  for (const [i, brightness] of [0.8, 0.9, 1, 1.1].entries())
    await sharp(face)
      .modulate({ brightness })
      .png()
      .toFile(join(root, 'lq', `${i}.png`));
  await mkdir(join(root, 'pair'));
  for (const name of ['0.png', '3.png']) await copyFile(join(root, 'lq', name), join(root, 'pair', name));
  // States that come closer to the last, step by step: less and less of another picture.
  for (const step of [1, 2, 10]) {
    await mkdir(join(root, 'states', `step-${step}`), { recursive: true });
    for (const name of ['a', 'b'])
      await sharp(face)
        .rotate(name === 'a' ? 0 : 180)
        .resize(64, 64)
        .blur({ 1: 6, 2: 2, 10: 0.3 }[step])
        .modulate({ brightness: { 1: 1.5, 2: 1.2, 10: 1 }[step] as number })
        .png()
        .toFile(join(root, 'states', `step-${step}`, `${name}.png`));
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

function analyse(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'analyse', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
async function expectCharts(folder: string, name: string): Promise<void> {
  const svg = await readFile(join(root, folder, `${name}.svg`), 'utf8');
  expect(svg).toMatch(/^<svg/);
  const { format, width = 0, height = 0 } = await sharp(join(root, folder, `${name}.png`)).metadata();
  expect(format).toBe('png');
  expect(Math.min(width, height)).toBeGreaterThan(300);
}

interface StepMean {
  readonly set: string;
  readonly step: number;
  readonly measure: string;
  readonly mean: number;
  readonly count: number;
}

describe.skipIf(!existsSync(main))('interlcm analyse', { timeout: 300_000 }, () => {
  it('measures kept states against the last, in the order of their numbers', async () => {
    const result = analyse('consistency', 'drawn=states', '--identity', 'face-api', '-o', 'drawn', '--json');
    expect(result, result.stderr).toMatchObject({ status: 0 });
    const { means } = JSON.parse(result.stdout) as { means: StepMean[] };
    expect(means.map(({ set, step, measure, count }) => [set, step, measure, count])).toEqual(
      ['face-api', 'ssim', 'histogram'].flatMap((measure) =>
        [1, 2].map((step) => ['drawn', step, measure, 2]),
      ),
    );
    const of = (measure: string) => means.filter((each) => each.measure === measure).map(({ mean }) => mean);
    const [[angle1, angle2], [ssim1, ssim2], [color1, color2]] = ['face-api', 'ssim', 'histogram'].map(
      of,
    ) as [number[], number[], number[]];
    expect(angle1!).toBeGreaterThan(angle2!);
    expect(ssim1!).toBeLessThan(ssim2!);
    expect(color1!).toBeGreaterThan(color2!);
    await expectCharts('drawn', 'consistency');
    const csv = await readFile(join(root, 'drawn/consistency.csv'), 'utf8');
    expect(csv.trim().split('\n')).toHaveLength(1 + 2 * 2 * 3);
    expect(csv).toMatch(/^states,picture,step,measure,value\ndrawn,a,1,face-api,/);
  });

  it('refuses folders that are none of states, and says what is', () => {
    const none = analyse('consistency', 'lq');
    expect(none.status).toBe(1);
    expect(none.stderr).toContain('0 folders step-K');
    expect(analyse('everything').status).toBe(2);
  });

  it('compares states of a model with low-quality faces, and maps them', async () => {
    await makeFormulaCheckpoint(microSpec, join(root, 'weights'));
    const result = analyse(
      'states',
      '--lq',
      'lq',
      '--checkpoint',
      'weights',
      '--features',
      'face-api',
      '-o',
      'map',
      '--json',
      '--steps',
      '3',
    );
    expect(result, result.stderr).toMatchObject({ status: 0 });
    const { distances, points, pictures } = JSON.parse(result.stdout) as {
      pictures: number;
      distances: { step: number; clean: number; noised: number }[];
      points: { panel: string; group: string; kind: string; x: number; y: number }[];
    };
    expect(pictures).toBe(4);
    expect(distances.map(({ step }) => step)).toEqual([1, 2]);
    for (const { clean, noised } of distances) expect(Math.min(clean, noised)).toBeGreaterThan(0);
    // Photos and three steps; with noise photos and states of two.
    const count = (panel: string) => points.filter((point) => point.panel === panel).length;
    expect([count('clean'), count('noised')]).toEqual([4 * 4, 2 * 2 * 4]);
    expect(points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
    await expectCharts('map', 'states');
    const svg = await readFile(join(root, 'map/states.svg'), 'utf8');
    for (const word of ['low quality', 'step 1', 'step 3']) expect(svg).toContain(word);
  });

  it('takes no states from noise of the embedded model, which begins with a photo', () => {
    const { status, stderr } = analyse('states', '--lq', 'lq');
    expect(status).toBe(2);
    expect(stderr).toMatch(/models\/embedded has none: it refines the latent of a photo.*--checkpoint/);
  });

  it('measures the states of restorations on the way', async () => {
    const args = ['consistency', '--lq', 'pair', '--identity', 'face-api', '-o', 'restored', '--json'];
    const result = analyse(...args, '--steps', '3', '--against', 'next');
    expect(result, result.stderr).toMatchObject({ status: 0 });
    const { means, against } = JSON.parse(result.stdout) as { means: StepMean[]; against: string };
    expect(against).toBe('next');
    expect(means.map(({ step, count }) => [step, count])).toEqual(Array(3).fill([2, 2]));
    expect(means.find(({ measure }) => measure === 'ssim')!.mean).toBeGreaterThan(0.5);
  });
});
