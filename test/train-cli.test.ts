import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTensorFile, readTensor } from '../src/checkpoint/tensor-file.ts';
import { openFileSource } from '../src/platform/node/files/file-source.ts';
import { makeFormulaCheckpoint } from '../src/platform/node/model/formula-checkpoint.ts';
import { RandomStream } from '../src/random/random-stream.ts';
import { microSpec } from '../src/verify/formula.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Everything that has state: two encoders, a discriminator, averages, accumulation, worker threads. */
const config = {
  stage: 'interlcm',
  steps: 2,
  iterations: 7,
  train: ['visualEncoder', 'spatialEncoder'],
  data: { size: 64, canvas: 64, batch: 2 },
  microBatch: 1,
  optimizer: { learningRate: 1e-3, maxGradientNorm: 1 },
  averageDecay: 0.9,
  losses: {
    l1: { weight: 1 },
    mse: { weight: 0.5, from: 6 }, // after the iteration that a killed run goes on from
    adversarial: {
      weight: 0.1,
      from: 3,
      ndf: 8,
      n_layers: 2,
      featureMatching: 0.5,
      optimizer: { learningRate: 1e-3 },
    },
  },
  validationImages: 2,
  validateEvery: 4,
  saveEvery: 2,
};

/** As small as a run can be. */
const small = {
  stage: 'autoencoder',
  iterations: 2,
  train: ['vae'],
  networks: { vae: { block_out_channels: [8, 8], layers_per_block: 1, norm_num_groups: 4 } },
  data: { size: 16, canvas: 16, batch: 2, workers: 0 },
  optimizer: { learningRate: 1e-3 },
  losses: { l1: { weight: 1 } },
  validationImages: 2,
  validateEvery: 1000,
  saveEvery: 1,
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'train-cli-'));
  await mkdir(join(root, 'faces'));
  for (let i = 0; i < 6; i++) {
    const values = new RandomStream(i).fillNormal(new Float32Array(8 * 8 * 3)).map((x) => 128 + 50 * x);
    await sharp(Uint8Array.from(values), { raw: { width: 8, height: 8, channels: 3 } })
      .resize(64, 64)
      .png()
      .toFile(join(root, 'faces', `${i}.png`));
  }
  await writeFile(join(root, 'config.json'), JSON.stringify(config));
  await writeFile(join(root, 'small.json'), JSON.stringify(small));
  await writeFile(join(root, 'deep.json'), `${'{"networks":'.repeat(3000)}1${'}'.repeat(3000)}`);
  await makeFormulaCheckpoint(microSpec, join(root, 'start'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const start = (out: string): string[] =>
  ['train', '--config', 'config.json', '--data', 'faces', '--from', 'start', '--out', out].map(String);
const options = () => ({ cwd: root, env: { ...process.env, DEBUG: undefined } });
function interlcm(args: readonly string[]) {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { ...options(), encoding: 'utf8' });
  return { status, stderr };
}

/** What each iteration and validation logged, without what differs from run to run: the times. */
async function logged(run: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(root, run, 'log.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { time, images_per_second, data_seconds, ...values } = JSON.parse(line) as Record<
        string,
        unknown
      >;
      return values;
    });
}

async function killWhenLogged(child: ChildProcess, run: string, iteration: number): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  for (;;) {
    const text = await readFile(join(root, run, 'log.jsonl'), 'utf8').catch(() => '');
    if (text.includes(`{"iteration":${iteration},`)) break;
    if (child.exitCode !== null) throw new Error(`The run ended before iteration ${iteration}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  await exited;
}

describe.skipIf(!existsSync(main))('interlcm train', () => {
  it('goes on after kill -9 exactly as if nothing had happened', { timeout: 180_000 }, async () => {
    const undisturbed = interlcm(start('a'));
    expect(undisturbed, undisturbed.stderr).toMatchObject({ status: 0 });
    const killed = spawn(process.execPath, [main, ...start('b')], { ...options(), stdio: 'ignore' });
    await killWhenLogged(killed, 'b', 5);
    const resumed = interlcm(['train', '--resume', 'b']);
    expect(resumed, resumed.stderr).toMatchObject({ status: 0 });
    expect(resumed.stderr).toContain('going on after iteration 4 of 7');

    const expected = await logged('a');
    expect(expected.filter((line) => 'l1' in line)).toHaveLength(7);
    for (const loss of ['d_real', 'features']) expect(expected.some((line) => loss in line)).toBe(true);
    expect(expected.filter((line) => 'l1' in line).map((line) => 'mse' in line)).toEqual([
      ...Array(5).fill(false),
      true,
      true,
    ]);
    expect(await logged('b')).toEqual(expected);
    for (const file of [
      'interlcm/visual_encoder.pth',
      'interlcm/spatial_encoder.pth',
      'training/state.safetensors',
    ]) {
      const [a, b] = await Promise.all(
        ['a', 'b'].map((run) => readFile(join(root, run, 'iteration-000007', file))),
      );
      expect(a!.equals(b!), file).toBe(true);
    }
  });

  it('keeps the running statistics of the discriminator', async () => {
    const source = await openFileSource(join(root, 'a/iteration-000007/training/discriminator.pth'));
    const file = await openTensorFile(source);
    const data = async (key: string) => (await readTensor(file, key)).data;
    // Iterations 3 to 7, two micro-batches each: fake, real and fake images once more.
    expect([...(await data('main.3.num_batches_tracked'))]).toEqual([5 * 2 * 3]);
    expect((await data('main.3.running_var')).every((variance) => variance > 0 && variance !== 1)).toBe(true);
    await source.close();
  });

  it('writes checkpoints that restore', { timeout: 60_000 }, async () => {
    const args = [
      'restore',
      join('faces', '0.png'),
      '--aligned',
      '--checkpoint',
      'a/latest',
      '-o',
      'restored',
    ];
    const { status, stderr } = interlcm(args);
    expect(status, stderr).toBe(0);
  });

  const startSmall = (out: string, ...more: string[]): string[] =>
    ['train', '--config', 'small.json', '--data', 'faces', '--out', out].concat(more);

  it.skipIf(process.platform === 'win32')('keeps what was saved when no more can be written', () => {
    const fresh = interlcm(startSmall('full'));
    expect(fresh, fresh.stderr).toMatchObject({ status: 0 });
    // Files of 16 kB at most: the log still fits, the state does not.
    const limited = ['-c', 'ulimit -f 32; exec "$0" "$@"', process.execPath, main];
    const more = ['train', '--resume', 'full', '--set', 'iterations=3'];
    const { status, stderr } = spawnSync('sh', [...limited, ...more], { ...options(), encoding: 'utf8' });
    expect(status, stderr).toBe(1);
    expect(stderr).toMatch(
      /interlcm: Cannot write .*: the file would be larger than .*\. Iteration 2 is saved in full\. Once that is mended, go on with: interlcm train --resume full\n$/,
    );
    const resumed = interlcm(more);
    expect(resumed, resumed.stderr).toMatchObject({ status: 0 });
    expect(resumed.stderr).toContain('going on after iteration 2 of 3');
  });

  it.skipIf(process.platform === 'win32')(
    'saves, and says how to go on, when it is told to stop',
    async () => {
      const more = ['--set', 'iterations=100000', '--set', 'saveEvery=100000'];
      const child = spawn(process.execPath, [main, ...startSmall('stopped', ...more)], options());
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (!stderr.includes('validation at 0') && (stderr + text).includes('validation at 0'))
          child.kill('SIGTERM');
        stderr += text;
      });
      const status = await new Promise((resolve) => child.once('close', resolve));
      expect(status, stderr).toBe(130);
      const [, iteration] = /saved iteration (\d+) in /.exec(stderr) ?? [];
      expect(stderr).toMatch(/\nGo on with: interlcm train --resume stopped\ninterlcm: interrupted\n$/);
      const resumed = interlcm(['train', '--resume', 'stopped', '--set', `iterations=${iteration}`]);
      expect(resumed.stderr).toContain(`going on after iteration ${iteration} of ${iteration}`);
    },
  );

  it.each([
    { args: ['train'], message: 'Which config?' },
    { args: ['train', '--resume', 'nowhere'], message: 'no run was started there' },
    { args: ['train', '--resume', 'a', '--data', 'faces'], message: 'leave --data out' },
    { args: [...start('a')], message: 'there is one already' },
    { args: [...start('c'), '--set', 'data.size=60'], message: 'multiples of 8' },
    { args: [...start('c'), '--set', 'losses.kl.weight=1'], message: 'losses.kl' },
    { args: [...start('c'), '--set', 'train=["vae2"]'], message: 'train.0' },
    {
      args: ['train', '--config', 'faces', '--data', 'faces', '--out', 'c'],
      message: 'faces: it is a folder',
    },
    {
      args: ['train', '--config', 'deep.json', '--data', 'faces', '--out', 'c'],
      message: 'more than 64 deep',
    },
  ])('refuses $args', ({ args, message }) => {
    const { status, stderr } = interlcm(args);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
