/** Trainers that share every batch: in threads, and in processes that mpirun starts. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTensorFile, readTensor } from '../src/checkpoint/tensor-file.ts';
import { openFileSource } from '../src/platform/node/files/file-source.ts';
import { failSums, shareSums, threadCommunicator } from '../src/platform/node/train/thread-communicator.ts';
import { smallNetworks, writeWaves } from './small-run.test-support.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const contract = fileURLToPath(new URL('communicator-contract.js', import.meta.url));
const noMpi = spawnSync('mpirun', ['--version']).status !== 0;
/** More ranks than cores, and as root, as in containers. */
const mpirun = ['--allow-run-as-root', '--oversubscribe'];

describe('communicators', () => {
  it.each([2, 3])('of %i threads keep the contract', async (size) => {
    const sums = shareSums(size);
    const ends = Array.from({ length: size }, async (_, rank) => {
      const worker = new Worker(contract, { workerData: { sums, rank } });
      const [code] = await once(worker, 'exit');
      return code;
    });
    expect(await Promise.all(ends)).toEqual(Array(size).fill(0));
  });

  it.skipIf(noMpi).each([
    ['shared memory', []],
    ['TCP', ['--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', 'lo']],
  ])('of MPI processes keep the contract over %s', (_, transport) => {
    const { stdout, stderr } = spawnSync(
      'mpirun',
      [...mpirun, ...transport, '-n', '3', process.execPath, contract],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n').sort()).toEqual([0, 1, 2].map((rank) => `rank ${rank} of 3 agrees`));
  });

  it('fail for those that wait, and those to come, when one has failed', async () => {
    const sums = shareSums(2);
    const waiting = threadCommunicator(sums, 0).sum(new Float32Array(1));
    failSums(sums);
    await expect(waiting).rejects.toThrow('another worker failed');
    await expect(threadCommunicator(sums, 1).sum(new Float32Array(1))).rejects.toThrow('another worker');
  });
});

/** Everything that trainers share: gradients, losses, averages, a judge with its statistics. */
const config = {
  stage: 'interlcm',
  steps: 4,
  startStep: 4,
  iterations: 4,
  train: ['vae', 'spatialEncoder', 'unet'],
  visualEncoder: false,
  networks: smallNetworks(8),
  data: { size: 32, canvas: 32, batch: 4 },
  microBatch: 1,
  optimizer: { learningRate: 1e-3, maxGradientNorm: 1 },
  averageDecay: 0.9,
  losses: {
    l1: { weight: 1 },
    adversarial: { weight: 0.1, ndf: 4, n_layers: 2, optimizer: { learningRate: 1e-3 } },
  },
  validationImages: 2,
  validateEvery: 4,
  saveEvery: 2,
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'train-workers-'));
  await writeWaves(join(root, 'faces'), 8, 32);
  await writeFile(join(root, 'config.json'), JSON.stringify(config));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const start = (out: string): string[] =>
  ['train', '--config', 'config.json', '--data', 'faces', '--out', out].map(String);

function run(command: string, args: readonly string[]) {
  const { status, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return { status, stderr };
}
const interlcm = (args: readonly string[]) => run(process.execPath, [main, ...args]);
const interlcmByMpi = (ranks: number, args: readonly string[]) =>
  run('mpirun', [...mpirun, '-n', String(ranks), process.execPath, main, ...args]);

const stateOf = (out: string): Promise<Buffer> =>
  readFile(join(root, out, 'latest/training/state.safetensors'));

/** The largest difference between two runs' trained parameters. */
async function difference(a: string, b: string): Promise<number> {
  const [one, other] = await Promise.all(
    [a, b].map(async (out) => {
      const source = await openFileSource(join(root, out, 'latest/training/state.safetensors'));
      const { data } = await readTensor(await openTensorFile(source), 'generator.parameter');
      await source.close();
      return data as Float32Array;
    }),
  );
  return one!.reduce((largest, value, i) => Math.max(largest, Math.abs(value - other![i]!)), 0);
}

describe('training by workers', () => {
  beforeAll(() => {
    expect(interlcm(start('alone'))).toEqual({ status: 0, stderr: expect.any(String) });
    expect(interlcm([...start('two'), '--workers', '2'])).toMatchObject({ status: 0 });
  }, 240_000);

  it('learns what one trainer learns from the same micro-batches', async () => {
    // Adam divides by a gradient's size: where that is rounding, it turns it into a step.
    expect(await difference('alone', 'two')).toBeLessThan(2e-3);
    const losses = await Promise.all(
      ['alone', 'two'].map(async (out) => {
        const text = await readFile(join(root, out, 'log.jsonl'), 'utf8');
        return text
          .trim()
          .split('\n')
          .flatMap((line) => JSON.parse(line).l1 ?? []);
      }),
    );
    expect(losses[0]).toHaveLength(4);
    for (const [i, loss] of losses[0]!.entries()) expect(losses[1]![i]).toBeCloseTo(loss, 4);
  });

  it('goes on bit for bit with as many workers', async () => {
    expect(interlcm([...start('halves'), '--workers', '2', '--set', 'iterations=2'])).toMatchObject({
      status: 0,
    });
    const resumed = interlcm(['train', '--resume', 'halves', '--workers', '2', '--set', 'iterations=4']);
    expect(resumed.stderr).toContain('going on after iteration 2');
    expect((await stateOf('halves')).equals(await stateOf('two'))).toBe(true);
  }, 120_000);

  it('names a batch that cannot be shared, and a device that cannot', () => {
    const three = interlcm([...start('three'), '--workers', '3']);
    expect(three.status).toBe(1);
    expect(three.stderr).toContain('Cannot share a batch of 4 images among 3 workers of 1 images at a time');
    expect(three.stderr).toContain('make data.batch a multiple of 3');
    const webgpu = interlcm([...start('three'), '--workers', '2', '--device', 'webgpu']);
    expect(webgpu).toMatchObject({ status: 2 });
    expect(webgpu.stderr).toContain("share the processor's cores, not webgpu");
  });

  it('saves and stops all workers at Ctrl-C', async () => {
    const child = spawn(
      process.execPath,
      [main, ...start('stopped'), '--workers', '2', '--set', 'iterations=100000', '--set', 'saveEvery=99999'],
      { cwd: root },
    );
    child.stderr.on('data', (text: Buffer) => {
      if (text.includes('validation at 0')) child.kill('SIGINT');
    });
    const [code] = await once(child, 'exit');
    expect(code).toBe(130);
    expect(JSON.parse(await readFile(join(root, 'stopped/run.json'), 'utf8'))).toBeTruthy();
    expect((await stateOf('stopped')).length).toBeGreaterThan(1000);
  }, 120_000);

  it.skipIf(noMpi)(
    'learns the same in processes of mpirun, and goes on with another number of them',
    async () => {
      expect(interlcmByMpi(2, [...start('mpi'), '--set', 'iterations=2'])).toMatchObject({ status: 0 });
      expect(interlcmByMpi(2, ['train', '--resume', 'mpi', '--set', 'iterations=4'])).toMatchObject({
        status: 0,
      });
      // Of two numbers there is one sum.
      expect((await stateOf('mpi')).equals(await stateOf('two'))).toBe(true);
      expect(interlcm(['train', '--resume', 'mpi', '--set', 'iterations=5'])).toMatchObject({ status: 0 });
      expect(await readFile(join(root, 'mpi/log.jsonl'), 'utf8')).toContain('"iteration":5');
    },
    240_000,
  );

  it.skipIf(noMpi)(
    'ends at once when a process is lost, and goes on from what was saved',
    async () => {
      const args = [...start('lost'), '--set', 'iterations=100000', '--set', 'saveEvery=1'];
      const child = spawn('mpirun', [...mpirun, '-n', '2', process.execPath, main, ...args], { cwd: root });
      let killed = false;
      child.stderr.on('data', (text: Buffer) => {
        if (killed || !text.includes('saved iteration 2 ')) return;
        killed = true;
        const ranks = spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).stdout.trim();
        process.kill(Number(ranks.split('\n').at(-1)), 'SIGKILL');
      });
      const [code] = await once(child, 'exit');
      expect(code).not.toBe(0);
      expect(killed).toBe(true);
      const done = JSON.parse(
        (await readFile(join(root, 'lost/log.jsonl'), 'utf8')).trim().split('\n').at(-1)!,
      );
      const goOn = ['train', '--resume', 'lost', '--set', `iterations=${done.iteration + 2}`];
      const resumed = interlcm([...goOn, '--workers', '2']);
      expect(resumed).toMatchObject({ status: 0 });
      expect(resumed.stderr).toContain('going on after iteration');
    },
    240_000,
  );
});
