/** Verification of training: losses, gradients and a step of Adam against what the published code computes. */

import { z } from 'zod';
import { gradients } from '../graph/gradient/gradient.ts';
import { parametersOf } from '../graph/graph.ts';
import { emitModel, type ParameterBinding } from '../graph/onnx/emit-model.ts';
import { add, input, mul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { buildDiscriminator } from '../models/discriminator/discriminator.ts';
import { buildLpips } from '../models/lpips/lpips.ts';
import { bindWeights } from '../models/network-weights.ts';
import { buildVisualEncoder } from '../models/visual-encoder/visual-encoder.ts';
import { keyOf, parameterScope, prefixOf } from '../nn/parameter-scope.ts';
import type { Checkpoint } from '../restore/checkpoint.ts';
import { loadStages } from '../restore/create-restorer.ts';
import { allMatched, buildRestorationGraphs, compareNetworks } from '../restore/restoration-graphs.ts';
import { restoreFaces } from '../restore/restore-faces.ts';
import { type Runtime, type Tensors, withSession } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor, relativeError } from '../tensor/host-tensor.ts';
import { adamStep } from '../train/adam.ts';
import { adversarialLoss, hingeLoss, l1Loss } from '../train/losses.ts';
import { buildSampler } from '../train/sampler-graph.ts';
import { networkConfigs, networkScopes, requireConfig } from '../train/stage-networks.ts';
import { type VerifyRow, verifyRow } from './report.ts';
import { type ReadTensor, referenceSchema } from './restoration.ts';

const trainingSchema = referenceSchema.extend({
  tolerance: z.object({ forward: z.number().positive(), gradients: z.number().positive() }),
  training: z.object({
    ndf: z.number().int().positive(),
    n_layers: z.number().int().positive(),
    gan_weight: z.number(),
    lr: z.number().positive(),
    betas: z.tuple([z.number(), z.number()]),
    lpips_channels: z.array(z.number().int().positive()).length(5),
  }),
});

const lossTolerance = 1e-4;
const stepTolerance = 1e-6;
/** Gradients that are zero in exact arithmetic are compared with this part of the largest gradient's norm. */
const normFloor = 1e-6;
const adamEpsilon = 1e-8;
/** The reference starts from the photo's latent in place of the first step's prediction. */
const startStep = 2;

interface TrainingWeights {
  /** Weights of the training networks by their files' keys. */
  readonly discriminator: ReadTensor;
  readonly vgg: ReadTensor;
  readonly lpips: ReadTensor;
}

/** Losses, gradients and one optimiser step against the published code's, row by row; gradients below a floor count against that floor. */
export async function* verifyGradients(
  reference: unknown,
  checkpoint: Checkpoint,
  runtime: Runtime,
  inputs: ReadTensor,
  expected: ReadTensor,
  expectedNames: readonly string[],
  trainingWeights: TrainingWeights,
): AsyncGenerator<VerifyRow> {
  const {
    num_inference_steps: steps,
    guidance_scale: guidanceScale,
    tolerance,
    training,
  } = trainingSchema.parse(reference);
  const lq = (await inputs('lq'))!;
  const gt = (await inputs('gt'))!;
  const [batch, , height, width] = lq.shape as [number, number, number, number];
  const size = { batch, height, width };

  // What does not depend on the trained weights.
  const frozen = await computeFrozen(checkpoint, runtime, lq, steps);
  const noises: Record<string, HostTensor> = {};
  for (let k = 0; k <= steps - startStep; k++) noises[`noise${k}`] = (await inputs(`noise${k}`))!;

  const configs = networkConfigs(checkpoint);
  const scopes = networkScopes();
  const { clip_tokens: tokens, latent } = frozen;
  const restored = buildSampler(
    scopes,
    configs,
    {
      context: buildVisualEncoder(
        scopes.visualEncoder,
        requireConfig(configs, 'visualEncoder'),
        input('clip_tokens', tokens.shape),
      ),
      latent: input('latent', latent.shape),
      image: input('image', lq.shape),
    },
    { steps, startStep, guidanceScale },
  );
  const truth = input('gt', gt.shape);
  const discriminator = parameterScope('d');
  const scores = (image: Value): Value => buildDiscriminator(discriminator, training, image).scores;
  const fakeScores = scores(restored);
  const lpipsNetworks = { trunk: parameterScope('vgg'), linear: parameterScope('lpips') };
  const losses = {
    l1: l1Loss(restored, truth),
    lpips: buildLpips(lpipsNetworks, restored, truth, {
      widths: training.lpips_channels,
      doubleNormalisation: true,
    }),
    adv: adversarialLoss(fakeScores),
    d_real: hingeLoss.real(scores(truth)),
    d_fake: hingeLoss.fake(fakeScores),
  };
  const total = add(add(losses.l1, losses.lpips), mul(losses.adv, training.gan_weight));
  const parameters = parametersOf([...Object.values(losses), total]);
  const trained = new Map([...parameters].filter(([name]) => /^(ve|se)\//.test(name)));
  const judging = new Map([...parameters].filter(([name]) => prefixOf(name) === 'd'));
  const generatorGradients = gradients(total, [...trained.values()]);
  const judgeGradients = gradients(add(losses.d_real, losses.d_fake), [...judging.values()]);

  const outputs: Record<string, Value> = { 'loss.total': total };
  for (const [name, loss] of Object.entries(losses)) outputs[`loss.${name}`] = loss;
  [...trained.keys()].forEach((name, i) => {
    const gradient = generatorGradients[i]!;
    outputs[`grad.${name.replace('/', '.')}`] = gradient;
  });
  [...judging.keys()].forEach((name, i) => {
    outputs[`grad.${name.replace('/', '.')}`] = judgeGradients[i]!;
  });

  const bind = await bindAll(checkpoint, size, parameters, trainingWeights);
  const model = emitModel('gradients', outputs, (name) => bind.get(name)!);
  const feeds: Tensors = { ...frozen, ...noises, image: lq, gt };
  const computed = await withSession(runtime, model, (session) => session.run(feeds));
  const references = new Map<string, HostTensor>();
  for (const name of expectedNames) references.set(name, (await expected(name))!);
  yield* compareLosses(computed, references);
  yield* compareGradients(computed, references, tolerance.gradients);
  yield* compareSteps(runtime, trained, bind, references, training);
}

async function computeFrozen(
  checkpoint: Checkpoint,
  runtime: Runtime,
  lq: HostTensor,
  steps: number,
): Promise<{ clip_tokens: HostTensor; latent: HostTensor }> {
  const [batch, , height, width] = lq.shape as [number, number, number, number];
  const stages = await loadStages(checkpoint, runtime, { batch, height, width });
  const seen = new Map<string, HostTensor>();
  try {
    await restoreFaces(checkpoint, stages.run, lq, {
      steps,
      startStep: steps,
      observe: (name, tensor) => seen.set(name, tensor),
    });
  } finally {
    await stages.pool.release();
  }
  return { clip_tokens: seen.get('clip_tokens')!, latent: seen.get('latent')! };
}

/** Where every parameter's values are: the checkpoint's in place, the training networks' in the model. */
async function bindAll(
  checkpoint: Checkpoint,
  size: { batch: number; height: number; width: number },
  parameters: ReadonlyMap<string, Value>,
  weights: TrainingWeights,
): Promise<Map<string, ParameterBinding>> {
  const matched = allMatched(compareNetworks(checkpoint, buildRestorationGraphs(checkpoint, size)));
  const bindCheckpoint = await bindWeights(matched);
  const readers: Readonly<Record<string, ReadTensor>> = {
    d: weights.discriminator,
    vgg: weights.vgg,
    lpips: weights.lpips,
  };
  const bindings = new Map<string, ParameterBinding>();
  for (const [name, { shape }] of parameters) {
    const read = readers[prefixOf(name)];
    if (!read) {
      bindings.set(name, bindCheckpoint(name, shape));
      continue;
    }
    const tensor = await read(keyOf(name));
    if (!tensor)
      throw new RangeError(`Cannot verify gradients: the training checkpoint has no tensor ${name}`);
    bindings.set(name, { kind: 'inline', data: tensor.data });
  }
  return bindings;
}

const withPrefix = (references: ReadonlyMap<string, HostTensor>, prefix: string): [string, HostTensor][] =>
  [...references].filter(([name]) => name.startsWith(prefix));
const norm = (data: Float32Array): number => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
const distance = (a: Float32Array, b: Float32Array): number => norm(a.map((x, i) => x - b[i]!));

function* compareLosses(
  computed: Tensors,
  references: ReadonlyMap<string, HostTensor>,
): Generator<VerifyRow> {
  for (const [name, reference] of withPrefix(references, 'loss.')) {
    const actual = computed[name];
    const error = actual ? relativeError(actual.data, reference.data) : Number.NaN;
    yield verifyRow(name, error, lossTolerance, 'relative error');
  }
}

/**
 * Relative errors; but a gradient that is zero in exact arithmetic is rounding noise on both sides, so one below the
 * floor is measured as a part of the largest gradient, and must stay below the floor.
 */
function* compareGradients(
  computed: Tensors,
  references: ReadonlyMap<string, HostTensor>,
  tolerance: number,
): Generator<VerifyRow> {
  const all = withPrefix(references, 'grad.');
  const group = (name: string): string => (name.startsWith('grad.d.') ? 'discriminator' : 'generator');
  const largest = new Map<string, number>();
  for (const [name, { data }] of all)
    largest.set(group(name), Math.max(largest.get(group(name)) ?? 0, norm(data)));
  for (const [name, reference] of all) {
    const actual = computed[name];
    const difference = actual ? distance(actual.data, reference.data) : Number.NaN;
    const scale = largest.get(group(name))!;
    const own = norm(reference.data);
    yield own < normFloor * scale
      ? verifyRow(name, difference / scale, normFloor, 'part of the largest gradient')
      : verifyRow(name, difference / own, tolerance, 'relative error');
  }
}

/**
 * One step of Adam from the reference's own gradient: where a gradient is about as small as Adam's ε, its rounding
 * error would move the step by the step's whole length, and hide the optimiser's own arithmetic.
 */
async function* compareSteps(
  runtime: Runtime,
  trained: ReadonlyMap<string, Value>,
  bind: ReadonlyMap<string, ParameterBinding>,
  references: ReadonlyMap<string, HostTensor>,
  { lr: learningRate, betas }: { lr: number; betas: [number, number] },
): AsyncGenerator<VerifyRow> {
  for (const [name, reference] of withPrefix(references, 'stepped.')) {
    const key = name.slice('stepped.'.length);
    const parameter = trained.get(key.replace('.', '/'));
    const gradient = references.get(`grad.${key}`);
    if (!parameter || !gradient) {
      yield verifyRow(name, Number.NaN, stepTolerance, 'relative error');
      continue;
    }
    const model = emitModel(name, { parameter }, (bound) => bind.get(bound)!);
    const stored = await withSession(runtime, model, (session) => session.run({}));
    const zeros = (): Float32Array => hostTensor(parameter.shape).data;
    const state = { parameter: stored['parameter']!.data, mean: zeros(), square: zeros() };
    const config = { betas, epsilon: adamEpsilon, weightDecay: 0 };
    adamStep(state, gradient.data, 1, learningRate, 1, config);
    yield verifyRow(name, relativeError(state.parameter, reference.data), stepTolerance, 'relative error');
  }
}
