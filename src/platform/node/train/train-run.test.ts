import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { failureOf } from '../../../failure/failure.ts';
import { RandomStream } from '../../../random/random-stream.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { parseTrainConfig } from '../../../train/train-config.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { resumeRun, startRun, type TrainOptions } from './train-run.ts';

const autoencoder = {
  stage: 'autoencoder',
  iterations: 4,
  train: ['vae'],
  networks: { vae: { block_out_channels: [8, 8], layers_per_block: 1, norm_num_groups: 4 } },
  data: { size: 16, canvas: 16, batch: 2, workers: 0 },
  optimizer: { learningRate: 1e-3 },
  losses: { l1: { weight: 1 } },
  validationImages: 2,
  validateEvery: 3,
  saveEvery: 2,
};

let runtime: Runtime;
let root: string;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'train-run-'));
  await mkdir(path.join(root, 'faces'));
  for (let i = 0; i < 4; i++) {
    const values = new RandomStream(i).fillNormal(new Float32Array(16 * 16 * 3)).map((x) => 128 + 40 * x);
    await sharp(Uint8Array.from(values), { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toFile(path.join(root, 'faces', `${i}.png`));
  }
});
afterEach(() => rm(root, { recursive: true, force: true }));

const at = (...names: string[]): string => path.join(root, ...names);
const readJson = async (...names: string[]) => JSON.parse(await readFile(at(...names), 'utf8'));

const start = (
  run: string,
  change: object = {},
  options: Partial<TrainOptions> = {},
  from?: string,
): Promise<void> =>
  startRun(
    at(run),
    {
      config: parseTrainConfig({ ...autoencoder, ...change }, 'the test'),
      images: { folder: at('faces') },
      from,
    },
    { runtime, ...options },
  );

/** What each iteration and validation logged, without what differs from run to run: the times. */
async function logged(run: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(at(run, 'log.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => {
    const { time, images_per_second, data_seconds, ...values } = JSON.parse(line);
    return values;
  });
}

describe('a training run', () => {
  it('saves what it has done when it is stopped while it validates', async () => {
    const stop = new AbortController();
    const validated = (iteration: number) => {
      if (iteration === 1) stop.abort();
    };
    const stopped = start('a', { validateEvery: 1, saveEvery: 4 }, { signal: stop.signal, validated });
    await expect(stopped).rejects.toThrow();
    expect(await realpath(at('a/latest'))).toBe(await realpath(at('a/iteration-000001')));
  });

  it('goes on from the saved iteration before, if the last is damaged', async () => {
    await start('a');
    const expected = await logged('a');
    const state = at('a/iteration-000004/training/state.safetensors');
    const intact = await readFile(state);
    await truncate(state, 1000);
    const notes: string[] = [];
    await resumeRun(at('a'), { runtime, note: (text) => notes.push(text) });
    expect(notes.join()).toMatch(/Cannot read .*iteration-000004.*Going on from iteration 2 instead/);
    expect(await logged('a')).toEqual(expected);
    expect(intact.equals(await readFile(state))).toBe(true);
  });

  it('logs the start once, if it was killed before it had saved anything', async () => {
    const validated = () => {
      throw new Error('killed');
    };
    await expect(start('a', {}, { validated })).rejects.toThrow('killed');
    await resumeRun(at('a'), { runtime });
    const iterations = (await logged('a')).map(({ iteration }) => iteration);
    expect(iterations).toEqual([0, 1, 2, 3, 3, 4, 4]);
  });

  it("writes an autoencoder's scale as it is at the saved iteration", async () => {
    await start('a', { validateEvery: 2, iterations: 3 });
    await start('b', { validateEvery: 3, iterations: 3 });
    const scale = async (run: string) =>
      (await readJson(run, 'iteration-000002/lcm/vae/config.json')).scaling_factor;
    expect(await scale('b')).toBe(await scale('a'));
  });

  it('refuses to go on with other networks, also where all would take the same room', async () => {
    await start('a', { iterations: 2 });
    const smaller = (config: unknown) => {
      const json = structuredClone(config) as typeof autoencoder;
      Object.assign(json.networks.vae, { latent_channels: 3 });
      return json;
    };
    await expect(resumeRun(at('a'), { runtime }, smaller)).rejects.toThrow(
      /state\.safetensors: it holds vae\/.* where the run has vae\/.*: the config was changed since\. Give/,
    );
  });

  it('refuses a state that does not say what it holds', async () => {
    await start('a', { iterations: 1 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of encodeSafetensors([])) chunks.push(chunk);
    await writeFile(at('a/iteration-000001/training/state.safetensors'), Buffer.concat(chunks));
    const refusal: unknown = await resumeRun(at('a'), { runtime }).catch((error: unknown) => error);
    expect(String(refusal)).toMatch(
      /state\.safetensors: it does not say which parameters it holds \(generator\.layout\), so it cannot be gone on from/,
    );
    // Which the command line has advice for: to start a new run.
    expect(failureOf(refusal)).toEqual({ code: 'state-without-layout' });
  });

  it('leaves saved iterations alone that lost their run', async () => {
    await start('a', { iterations: 1 });
    await rm(at('a/run.json'));
    await expect(start('a', { iterations: 1 })).rejects.toThrow('there is one already');
  });

  it('stays with the checkpoint that a link led to when it began', async () => {
    await start('a', { iterations: 1 });
    await start('b', { iterations: 1 }, {}, at('a/latest'));
    expect((await readJson('b/run.json')).from).toBe(await realpath(at('a/iteration-000001')));
  });

  it('names networks that its stage does not use, and leaves nothing', async () => {
    await expect(start('a', { train: ['vae', 'unet'] })).rejects.toThrow(
      /^Cannot train unet: the autoencoder stage, as it is set, does not use it\. Leave it out/,
    );
    expect(await stat(at('a')).catch(() => undefined)).toBeUndefined();
  });

  it('says at which iteration it diverged, what helps, and what is saved', async () => {
    await expect(start('a', { optimizer: { learningRate: 1e30 } })).rejects.toThrow(
      /^Training diverged at iteration 2: .*lower optimizer\.learningRate.*maxGradientNorm.*\. Nothing is saved in/,
    );
    // What diverges is not saved: it would take the place of weights that did not.
    const diverged = start('b', { optimizer: { learningRate: 1e30 }, saveEvery: 1 }).catch(String);
    expect(await diverged).toMatch(
      /diverged at iteration 1: the validation is not finite.*\. Nothing is saved in/,
    );
    expect((await readdir(at('b'))).filter((name) => name.startsWith('iteration'))).toEqual([]);
  });

  describe('a run that cannot go on', () => {
    const long = { iterations: 6, saveEvery: 4, validateEvery: 5 };
    /** The runtime itself, out of memory from a moment on, in one of its models. */
    const exhausted = (failsIn: () => RegExp | undefined): Runtime => ({
      ...runtime,
      createSession: async (model, options) => {
        const session = await runtime.createSession(model, options);
        return {
          ...session,
          run: async (...given) => {
            if (failsIn()?.test(session.name)) throw new Error('bad allocation');
            return session.run(...given);
          },
        };
      },
    });
    let failsIn: RegExp | undefined;
    /** What a run logs last that nothing stops. */
    let undisturbed: Promise<unknown> | undefined;
    const spoilPictures = () => {
      for (let i = 0; i < 4; i++) truncateSync(at('faces', `${i}.png`), 60);
    };

    it.each<[what: string, after: number, spoil: () => void, reason: RegExp, saved: number]>([
      ['saves, where pictures became unreadable', 3, spoilPictures, /^Cannot read .*\.png: the PNG file /, 3],
      [
        'saves, where a validation cannot be written',
        4,
        () => {
          rmSync(at('run/pictures'), { recursive: true });
          writeFileSync(at('run/pictures'), 'in the way');
        },
        /^Cannot write .*pictures.*: /,
        5,
      ],
      ['saves, where memory ends in a gradient', 5, () => (failsIn = /generator/), /^bad allocation/, 5],
      [
        'keeps what was saved, where memory ends in the middle of an update',
        5,
        () => (failsIn = /^gradient-norm/),
        /^bad allocation/,
        4,
      ],
    ])('%s, and goes on from there', async (_, after, spoil, reason, saved) => {
      const pictures = await Promise.all([0, 1, 2, 3].map((i) => readFile(at('faces', `${i}.png`))));
      failsIn = undefined;
      const error: unknown = await start('run', long, {
        runtime: exhausted(() => failsIn),
        step: (iteration) => {
          if (iteration === after) spoil();
        },
      }).catch((caught: unknown) => caught);
      expect((error as Error).message).toMatch(reason);
      expect((error as Error).message).toContain(`. Iteration ${saved} is saved in ${at('run')}`);
      expect(failureOf(error)).toMatchObject({ code: 'training-stopped', folder: at('run'), saved });
      expect(path.basename(await realpath(at('run/latest')))).toBe(`iteration-00000${saved}`);
      await Promise.all(pictures.map((bytes, i) => writeFile(at('faces', `${i}.png`), bytes)));
      await rm(at('run/pictures'), { recursive: true, force: true });
      await resumeRun(at('run'), { runtime });
      undisturbed ??= start('undisturbed', long).then(async () => (await logged('undisturbed')).at(-1));
      expect((await logged('run')).at(-1)).toEqual(await undisturbed);
    });
  });
});
