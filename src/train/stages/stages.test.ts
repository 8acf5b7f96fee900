/**
 * Every stage on networks as small as they can be: what it computes is computed again from single evaluations of the
 * networks and the equations of the papers, in plain TypeScript, and training is seen to lower it.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { guidanceEmbedding } from '../../diffusion/sinusoid.ts';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { buildClip, clipConfigSchema, clipTokenCount } from '../../models/clip/clip.ts';
import { clipInput } from '../../models/clip/clip-input.ts';
import {
  buildSpatialEncoder,
  spatialEncoderConfigSchema,
} from '../../models/spatial-encoder/spatial-encoder.ts';
import { timestepSinusoid } from '../../models/unet/timestep.ts';
import { buildUNet } from '../../models/unet/unet.ts';
import { unetConfigSchema } from '../../models/unet/unet-config.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeConfigSchema } from '../../models/vae/vae.ts';
import { buildVisualEncoder, visualEncoderConfigSchema } from '../../models/visual-encoder/visual-encoder.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { RandomStream } from '../../random/random-stream.ts';
import { type Runtime, type Tensors, withSession } from '../../runtime/runtime.ts';
import { type HostTensor, hostTensor, relativeError } from '../../tensor/host-tensor.ts';
import { formulaWeight } from '../../verify/formula.ts';
import { drawNoise, stackRows } from '../feeds.ts';
import { imageScores } from '../image-scores.ts';
import { joinConfigs } from '../stage-networks.ts';
import { parseTrainConfig } from '../train-config.ts';
import { createTrainer, type Trainer } from '../trainer.ts';

const [batch, size, width, tokens] = [2, 16, 24, 4];
const latentShape = [4, size / 2, size / 2];
const seed = 3;
/** Rounding to float32, in another order of operations. */
const tolerance = 1e-4;

const backbone = {
  block_out_channels: [8, 8],
  layers_per_block: 1,
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  attention_head_dim: 2,
  norm_num_groups: 4,
  cross_attention_dim: width,
};
const vae = vaeConfigSchema.parse({ block_out_channels: [8, 8], layers_per_block: 1, norm_num_groups: 4 });
const unet = unetConfigSchema.parse({
  ...backbone,
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  time_cond_proj_dim: 8,
});
const clip = clipConfigSchema.parse({
  image_size: 16,
  patch_size: 8,
  hidden_size: width,
  num_hidden_layers: 1,
  num_attention_heads: 2,
});
const visualEncoder = visualEncoderConfigSchema.parse({
  nf: 16,
  ch_mult: [2, 2, 2], // three levels give as many features as CLIP
  res_blocks: 1,
  emb_dim: clipTokenCount(clip),
  out_channels: tokens,
});
const spatialEncoder = spatialEncoderConfigSchema.parse({
  ...backbone,
  conditioning_embedding_out_channels: [8, 8],
});
const networks = { vae, unet, clip, visualEncoder, spatialEncoder };

const images = {
  high: hostTensor(
    [batch, 3, size, size],
    normals(1).map((x) => 0.4 * x),
  ),
  low: hostTensor(
    [batch, 3, size, size],
    normals(2).map((x) => 0.4 * x),
  ),
};
function normals(key: number): Float32Array {
  return new RandomStream(seed, [key]).fillNormal(new Float32Array(batch * 3 * size * size));
}

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createNodeRuntime();
});

async function trainerOf(stage: Record<string, unknown>, on = runtime): Promise<Trainer> {
  const { scheduler = {}, ...settings } = stage as { scheduler?: Record<string, unknown> };
  const json = {
    seed,
    iterations: 2,
    data: { size, canvas: size, batch },
    optimizer: { learningRate: 1e-3 },
    networks: { ...networks, scheduler },
    ...settings,
  };
  const config = parseTrainConfig(json, 'the test');
  const configs = joinConfigs(config, { scheduler: {} as never });
  return createTrainer({
    config,
    networks: { configs, teacher: unet },
    runtime: on,
    startWeight: async (name, shape) => formulaWeight(name, shape),
    bindFrozen: (name, shape) => ({ kind: 'inline', data: formulaWeight(name, shape) }),
  });
}

/** Runs a part of the networks. @param weights those that are not formula weights */
async function run(
  feeds: Tensors,
  build: (inputs: Record<string, Value>) => Record<string, Value>,
  weights: Tensors = {},
): Promise<Tensors> {
  const inputs = Object.entries(feeds).map(([name, { shape }]) => [name, input(name, shape)]);
  const model = emitModel('part', build(Object.fromEntries(inputs)), (name, shape) => ({
    kind: 'inline',
    data: weights[name]?.data ?? formulaWeight(name, shape),
  }));
  return withSession(runtime, model, (session) => session.run(feeds));
}

async function encode(image: HostTensor): Promise<{ mean: HostTensor; logVariance: HostTensor }> {
  const moments = await run({ image }, ({ image }) => {
    const { mean, logVariance } = buildVaeEncoder(parameterScope('vae'), vae, image!);
    return { mean, logVariance };
  });
  return moments as { mean: HostTensor; logVariance: HostTensor };
}

const decode = async (latent: HostTensor): Promise<HostTensor> =>
  (await run({ latent }, ({ latent }) => ({ image: buildVaeDecoder(parameterScope('vae'), vae, latent!) })))[
    'image'
  ]!;

const contextOf = async (image: HostTensor): Promise<HostTensor> =>
  (
    await run({ image: clipInput(image, clip.image_size) }, ({ image }) => ({
      context: buildVisualEncoder(
        parameterScope('ve'),
        visualEncoder,
        buildClip(parameterScope('clip'), clip, image!),
      ),
    }))
  )['context']!;
const noContext = hostTensor([batch, tokens, width]);

interface Asked {
  readonly latents: HostTensor;
  /** One an image. */
  readonly timesteps: readonly number[];
  readonly guidance: readonly number[];
  readonly context: HostTensor;
  /** What the spatial encoder sees, if there is one. */
  readonly image?: HostTensor;
}

/** The UNet's prediction. @param prefix of its weights' names */
async function predict(
  { latents, timesteps, guidance, context, image }: Asked,
  prefix = 'unet',
  weights?: Tensors,
): Promise<Float32Array> {
  const feeds = {
    latents,
    context,
    timestep: stackRows(timesteps.map((t) => timestepSinusoid(unet, t))),
    guidance: stackRows(guidance.map((scale) => guidanceEmbedding(scale, unet.time_cond_proj_dim!))),
    ...(image && { image }),
  };
  const { prediction } = await run(
    feeds,
    (inputs) => {
      const { guidance, ...asked } = inputs as Record<keyof typeof feeds, Value>;
      const residuals = image && buildSpatialEncoder(parameterScope('se'), spatialEncoder, asked as never);
      return { prediction: buildUNet(parameterScope(prefix), unet, { ...asked, guidance, residuals }) };
    },
    weights,
  );
  return prediction!.data;
}

/** The training noise schedule of Stable Diffusion: √β rises linearly. */
const alphas: number[] = [];
for (let t = 0; t < 1000; t++) {
  const root = Math.sqrt(0.00085) + ((Math.sqrt(0.012) - Math.sqrt(0.00085)) * t) / 999;
  alphas.push((alphas.at(-1) ?? 1) * (1 - root ** 2));
}
const signal = (t: number): number => Math.sqrt(alphas[t]!);
const sigma = (t: number): number => Math.sqrt(1 - alphas[t]!);
/** Boundary conditions of a consistency model; timesteps count ten times. */
const skip = (t: number): number => 0.25 / ((10 * t) ** 2 + 0.25);
const out = (t: number): number => (10 * t) / Math.sqrt((10 * t) ** 2 + 0.25);

/** A latent, element by element. @param value is told the element's index and its image's */
function latentOf(value: (i: number, image: number) => number): HostTensor {
  const each = latentShape.reduce((a, b) => a * b);
  const data = Float32Array.from({ length: batch * each }, (_, i) => value(i, Math.floor(i / each)));
  return hostTensor([batch, ...latentShape], data);
}

function meanOf(data: Float32Array, value: (x: number, i: number) => number): number {
  return data.reduce((sum, x, i) => sum + value(x, i), 0) / data.length;
}

/** One stream an image, as validation (2) has them, and as the step (1) of an iteration. */
const streamsOf = (key: readonly number[]): RandomStream[] =>
  Array.from({ length: batch }, (_, i) => new RandomStream(seed, [...key, i]));
const validationStreams = () => streamsOf([2]);

/** Trains on the same images and expects validation to find the losses lower. */
async function expectToLearn(trainer: Trainer, losses: readonly string[], iterations = 2): Promise<void> {
  const total = async () => {
    const { values } = await trainer.validate(images);
    return losses.reduce((sum, name) => sum + values[name]!, 0);
  };
  const before = await total();
  for (let iteration = 1; iteration <= iterations; iteration++) await trainer.step(iteration, images);
  expect(await total()).toBeLessThan(before);
}

describe('the autoencoder stage', () => {
  it.each(['high', 'low'] as const)('encodes the %s image, and has its KL divergence', async (input) => {
    const losses = { l1: { weight: 1 }, psnr: { weight: 1e-3 }, kl: { weight: 1e-3 } };
    const trainer = await trainerOf({ stage: 'autoencoder', input, train: ['vae'], losses, microBatch: 1 });
    const { values, columns, latentDeviation } = await trainer.validate(images);

    const { mean, logVariance } = await encode(images[input]);
    const noise = drawNoise(validationStreams(), latentShape).data;
    const drawn = latentOf((i) => mean.data[i]! + Math.exp(logVariance.data[i]! / 2) * noise[i]!);
    const restored = await decode(drawn);
    const divergence = mean.data.reduce((sum, m, i) => {
      const log = logVariance.data[i]!;
      return sum + (m * m + Math.exp(log) - 1 - log) / 2;
    }, 0);
    expect(relativeError(columns['restored']!.data, restored.data)).toBeLessThan(tolerance);
    expect(values['kl']! / (divergence / batch)).toBeCloseTo(1, 4);
    const l1 = meanOf(restored.data, (x, i) => Math.abs(x - images.high.data[i]!));
    expect(values['l1']! / l1).toBeCloseTo(1, 4);
    expect(Object.keys(columns)).toEqual(
      input === 'high' ? ['input', 'restored'] : ['input', 'restored', 'truth'],
    );
    const middle = meanOf(mean.data, (x) => x);
    expect(latentDeviation).toBeCloseTo(Math.sqrt(meanOf(mean.data, (x) => (x - middle) ** 2)), 4);
    const { psnr, ssim } = imageScores(restored, images.high);
    expect(values['psnr']).toBeCloseTo(psnr!, 2); // not the loss of that name
    expect(values['ssim']).toBeCloseTo(ssim!, 3);

    await expectToLearn(trainer, ['l1']);
    await trainer.release();
  });
});

it('lets go of a program when another loss starts', async () => {
  const loaded: string[] = [];
  const counting: Runtime = {
    ...runtime,
    async createSession(model) {
      const session = await runtime.createSession(model);
      loaded.push(model.name);
      const release = (): Promise<void> => {
        loaded.splice(loaded.indexOf(model.name), 1);
        return session.release();
      };
      return { ...session, release };
    },
  };
  const losses = { l1: { weight: 1 }, mse: { weight: 1, from: 2 } };
  const trainer = await trainerOf({ stage: 'autoencoder', train: ['vae'], losses }, counting);
  for (const iteration of [1, 2]) {
    const { values } = await trainer.step(iteration, images);
    expect('mse' in values).toBe(iteration === 2);
    expect(loaded.filter((name) => name.startsWith('generator'))).toHaveLength(1);
  }
  await trainer.release();
  expect(loaded).toEqual([]);
});

describe('the diffusion stage', () => {
  it.each([
    { prediction_type: 'epsilon', condition: 'high', control: false },
    { prediction_type: 'sample', condition: 'none', control: false },
    { prediction_type: 'v_prediction', condition: 'low', control: true },
  ] as const)('predicts as $prediction_type with condition $condition, control $control', async (stage) => {
    const { prediction_type, condition, control } = stage;
    const trainer = await trainerOf({
      stage: 'diffusion',
      condition,
      control,
      conditionDropout: 0.5,
      train: ['unet', ...(control ? ['spatialEncoder'] : [])],
      losses: { mse: { weight: 1 } },
      scheduler: { prediction_type },
    });
    const { values, columns } = await trainer.validate(images);

    const streams = validationStreams();
    const timesteps = streams.map((stream) => stream.integer(1000));
    const seen = streams.map((stream) => stream.uniform() >= 0.5);
    const noise = drawNoise(streams, latentShape).data;
    const { mean } = await encode(images.high);
    const clean = latentOf((i) => vae.scaling_factor * mean.data[i]!).data;
    const latents = latentOf((i, k) => signal(timesteps[k]!) * clean[i]! + sigma(timesteps[k]!) * noise[i]!);
    const context = condition === 'none' ? noContext : await contextOf(images[condition]);
    const kept = context.data.map((x, i) => (seen[Math.floor(i / (tokens * width))] ? x : 0));
    const prediction = await predict({
      latents,
      timesteps,
      guidance: timesteps.map(() => 1),
      context: hostTensor(context.shape, kept),
      ...(control && { image: images.low }),
    });
    const truth = latentOf((i, k) => {
      const [a, s] = [signal(timesteps[k]!), sigma(timesteps[k]!)];
      if (prediction_type === 'epsilon') return noise[i]!;
      return prediction_type === 'sample' ? clean[i]! : a * noise[i]! - s * clean[i]!;
    }).data;
    expect(values['mse']! / meanOf(prediction, (x, i) => (x - truth[i]!) ** 2)).toBeCloseTo(1, 4);

    // Were the prediction the truth, the estimate would be the clean latent.
    const error = latentOf((i, k) => {
      const [a, s] = [signal(timesteps[k]!), sigma(timesteps[k]!)];
      return { epsilon: -s / a, sample: 1, v_prediction: -s }[prediction_type] * (prediction[i]! - truth[i]!);
    }).data;
    const estimate = await decode(latentOf((i) => (clean[i]! + error[i]!) / vae.scaling_factor));
    // Divided by a small √ᾱ, rounding grows.
    expect(relativeError(columns['estimate']!.data, estimate.data)).toBeLessThan(10 * tolerance);

    await expectToLearn(trainer, ['mse']);
    await trainer.release();
  });
});

describe('the consistency stage', () => {
  const stage = {
    stage: 'consistency',
    solverSteps: 20,
    guidance: [2, 6],
    conditionDropout: 0.5,
    train: ['unet'],
    losses: { mse: { weight: 1 } },
  };

  /** Algorithm 1 of arXiv:2310.04378. @returns the differences of student and target */
  async function differences(
    streams: readonly RandomStream[],
    student: Tensors,
    average: Tensors,
  ): Promise<Float32Array> {
    const starts = streams.map((stream) => 50 * (1 + stream.integer(20)) - 1);
    const ends = starts.map((t) => Math.max(0, t - 50));
    const scales = streams.map((stream) => stream.uniformBetween(2, 6)); // ω
    const seen = streams.map((stream) => stream.uniform() >= 0.5);
    const noise = drawNoise(streams, latentShape).data;
    const { mean } = await encode(images.high);
    const latents = latentOf(
      (i, k) => signal(starts[k]!) * vae.scaling_factor * mean.data[i]! + sigma(starts[k]!) * noise[i]!,
    );
    const whole = await contextOf(images.high);
    const kept = whole.data.map((x, i) => (seen[Math.floor(i / (tokens * width))] ? x : 0));
    const asked = { timesteps: starts, guidance: scales.map((scale) => scale + 1), latents };
    const context = hostTensor(whole.shape, kept);
    const consistent = (z: Float32Array, noises: Float32Array, times: readonly number[]) =>
      latentOf((i, k) => {
        const t = times[k]!;
        return skip(t) * z[i]! + (out(t) * (z[i]! - sigma(t) * noises[i]!)) / signal(t);
      }).data;

    const estimate = consistent(latents.data, await predict({ ...asked, context }, 'unet', student), starts);
    const conditional = await predict({ ...asked, context }, 'teacher');
    const unconditional = await predict({ ...asked, context: noContext }, 'teacher');
    const previous = latentOf((i, k) => {
      const [start, end] = [starts[k]!, ends[k]!];
      const guided = conditional[i]! + scales[k]! * (conditional[i]! - unconditional[i]!);
      const clean = (latents.data[i]! - sigma(start) * guided) / signal(start);
      return signal(end) * clean + sigma(end) * guided;
    });
    const targetAsked = { ...asked, latents: previous, timesteps: ends, context };
    const target = consistent(previous.data, await predict(targetAsked, 'unet', average), ends);
    return estimate.map((x, i) => x - target[i]!);
  }

  it.each(['l2', 'huber'] as const)('has the %s distance to the target a step on', async (loss) => {
    const trainer = await trainerOf({ ...stage, loss, huberDelta: 0.5, averageDecay: 0.5 });
    const distance = (difference: Float32Array): number =>
      meanOf(difference, (d) => (loss === 'l2' ? d * d : Math.sqrt(d * d + 0.25) - 0.5));
    for (const iteration of [1, 2]) {
      // From the second iteration on the target lags behind the student.
      const expected = await differences(streamsOf([1, iteration]), trainer.parameters, trainer.averages);
      const { values } = await trainer.step(iteration, images);
      expect(values['mse']! / distance(expected)).toBeCloseTo(1, 3);
    }
    await trainer.release();
  });

  it('brings the student closer to the target', async () => {
    const trainer = await trainerOf({ ...stage, averageDecay: 0.9 });
    await expectToLearn(trainer, ['mse']);
    await trainer.release();
  });

  it('trains no network that the target shares', async () => {
    await expect(trainerOf({ ...stage, train: ['unet', 'clip'] })).rejects.toThrow(
      /Cannot train clip by distillation.*Leave only unet/,
    );
  });
});

describe('the interlcm stage', () => {
  it('refines the photo in one step, and lets it through as far as fidelity says', async () => {
    const fused = vaeConfigSchema.parse({ ...vae, photo_fusion: true });
    const stage = {
      stage: 'interlcm',
      startStep: 4,
      guidanceScale: 3,
      train: ['vae', 'unet'],
      networks: { ...networks, vae: fused, scheduler: { prediction_type: 'refinement' } },
      losses: { l1: { weight: 1 } },
    };
    const trainer = await trainerOf({ ...stage, fidelity: 0.25, fidelityRange: [0, 1] });
    const { columns } = await trainer.validate(images);

    const { mean } = await encode(images.low);
    const noise = drawNoise(validationStreams(), latentShape).data;
    const t = 259;
    const latents = latentOf((i) => signal(t) * vae.scaling_factor * mean.data[i]! + sigma(t) * noise[i]!);
    const context = await contextOf(images.low);
    const change = await predict({
      latents,
      timesteps: [t, t],
      guidance: [3, 3],
      context,
      image: images.low,
    });
    const clean = latentOf(
      (i) => mean.data[i]! + (skip(t) * latents.data[i]! + out(t) * change[i]!) / vae.scaling_factor,
    );
    const fidelity = hostTensor([batch, 1, 1, 1], new Float32Array(batch).fill(0.25));
    const { restored } = await run({ clean, image: images.low, fidelity }, ({ clean, image, fidelity }) => {
      const p = parameterScope('vae');
      const photo = {
        image: image!,
        fidelity: fidelity!,
        features: buildVaeEncoder(p, fused, image!).features,
      };
      return { restored: buildVaeDecoder(p, fused, clean!, photo) };
    });
    expect(relativeError(columns['restored']!.data, restored!.data)).toBeLessThan(10 * tolerance);
    await trainer.release();

    // Training draws the fidelity image by image, and what is drawn counts.
    const always = await trainerOf({ ...stage, fidelityRange: [0, 0] });
    const drawn = await trainerOf({ ...stage, fidelityRange: [0, 1] });
    const [without, some] = [await always.step(1, images), await drawn.step(1, images)];
    expect(without.values['l1']).not.toBeCloseTo(some.values['l1']!, 3);
    await always.release();
    await drawn.release();
  });

  it('shows the image encoder the whole picture where there is one', async () => {
    const trainer = await trainerOf({
      stage: 'interlcm',
      train: ['visualEncoder'],
      losses: { l1: { weight: 1 } },
    });
    const [alone, same, other] = [
      await trainer.validate(images),
      await trainer.validate({ ...images, whole: images.low }),
      await trainer.validate({ ...images, whole: images.high }),
    ];
    expect(same.values).toEqual(alone.values);
    expect(other.values['l1']).not.toBe(alone.values['l1']);
    await trainer.release();
  });

  it('refines nothing from pure noise, nor by other losses', async () => {
    const stage = {
      networks: { ...networks, scheduler: { prediction_type: 'refinement' } },
      train: ['unet'],
    };
    const l1 = { l1: { weight: 1 } };
    await expect(trainerOf({ ...stage, stage: 'interlcm', startStep: 1, losses: l1 })).rejects.toThrow(
      'Start at 2',
    );
    const mse = { mse: { weight: 1 } };
    for (const other of ['diffusion', 'consistency'])
      await expect(trainerOf({ ...stage, stage: other, losses: mse })).rejects.toThrow('nothing to refine');
  });

  it.each([
    { startStep: 2, encoders: true },
    { startStep: 1, encoders: false },
  ])('restores by the sampler from step $startStep, encoders $encoders', async ({ startStep, encoders }) => {
    const trainer = await trainerOf({
      stage: 'interlcm',
      steps: 2,
      startStep,
      guidanceScale: 3,
      visualEncoder: encoders,
      spatialEncoder: encoders,
      train: encoders ? ['visualEncoder', 'spatialEncoder'] : ['unet'],
      losses: { l1: { weight: 1 } },
    });
    const { values, columns } = await trainer.validate(images);

    const streams = validationStreams();
    const { mean } = await encode(images.low);
    let clean = mean.data.map((x) => vae.scaling_factor * x);
    const context = encoders ? await contextOf(images.low) : hostTensor([batch, 77, width]);
    // 50 origin timesteps, of which two are taken evenly from the noisiest.
    for (const t of [999, 499].slice(startStep - 1)) {
      const noise = drawNoise(streams, latentShape).data;
      const pure = startStep === 1 && t === 999;
      const latents = latentOf((i) => (pure ? noise[i]! : signal(t) * clean[i]! + sigma(t) * noise[i]!));
      const prediction = await predict({
        latents,
        timesteps: [t, t],
        guidance: [3, 3],
        context,
        ...(encoders && { image: images.low }),
      });
      clean = latents.data.map(
        (z, i) => skip(t) * z + (out(t) * (z - sigma(t) * prediction[i]!)) / signal(t),
      );
    }
    const restored = await decode(latentOf((i) => clean[i]! / vae.scaling_factor));
    expect(relativeError(columns['restored']!.data, restored.data)).toBeLessThan(10 * tolerance);
    const l1 = meanOf(restored.data, (x, i) => Math.abs(x - images.high.data[i]!));
    expect(values['l1']! / l1).toBeCloseTo(1, 3);

    await expectToLearn(trainer, ['l1']);
    await trainer.release();
  });
});
