/**
 * InterLCM (Li et al., ICLR 2025, arXiv:2502.02215): the latent of a low-quality face stands in for what the first
 * step of a latent consistency model would have predicted, and the remaining steps restore it.
 */

import {
  addNoise,
  alphasCumprod,
  denoise,
  lcmTimesteps,
  requireStartStep,
  stepScalings,
} from '../diffusion/lcm-schedule.ts';
import { guidanceEmbedding } from '../diffusion/sinusoid.ts';
import { fixColor } from '../image/color-fix.ts';
import { clipInput } from '../models/clip/clip-input.ts';
import { timestepSinusoid } from '../models/unet/timestep.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { Tensors } from '../runtime/runtime.ts';
import {
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  repeatRow,
  sameShape,
} from '../tensor/host-tensor.ts';
import type { Checkpoint } from './checkpoint.ts';
import { defaultSampling } from './default-sampling.ts';
import type { RestorationGraphs } from './restoration-graphs.ts';
import type { RestoreOptions, RestoreProgress } from './restorer.ts';

export type StageName = keyof RestorationGraphs;

/** Runs one stage's graph. */
export type RunStage = (stage: StageName, feeds: Tensors) => Promise<Tensors>;

export interface SampleOptions extends RestoreOptions {
  /** Classifier-free guidance scale, embedded rather than applied. */
  guidanceScale?: number;
  /** Noise for each re-noising in order, instead of the seed's. */
  noises?: readonly HostTensor[];
  /** Sees every intermediate tensor by its name in the reference files. */
  observe?: (name: string, tensor: HostTensor) => void;
}

/**
 * Restores a batch of aligned faces.
 * @param lq [B, 3, H, W] in [-1, 1], the size the stages were built for
 * @returns [B, 3, H, W], about [-1, 1]
 * @throws {RangeError} for steps that the schedule does not have, or a fidelity that the model does not have;
 *   whatever the signal was aborted with
 */
export async function restoreFaces(
  checkpoint: Checkpoint,
  run: RunStage,
  lq: HostTensor,
  options: SampleOptions = {},
): Promise<HostTensor> {
  const { unet, scheduler, sampling } = checkpoint;
  const {
    seed = 0,
    steps = sampling.steps ?? defaultSampling.steps,
    startStep = Math.min(sampling.startStep ?? defaultSampling.startStep, steps),
    guidanceScale = sampling.guidanceScale ?? defaultSampling.guidanceScale,
    colorFix = sampling.colorFix ?? defaultSampling.colorFix,
    fidelity = fidelityOf(checkpoint) ?? 0,
    noises,
    observe = () => {},
  } = options;
  const timesteps = lcmTimesteps(scheduler, steps);
  if (!Number.isInteger(startStep) || startStep < 1 || startStep > steps)
    throw new RangeError(`Cannot start at step ${startStep}: it must be a whole number from 1 to ${steps}`);
  requireStartStep(scheduler, startStep);
  if (options.fidelity !== undefined) requireFidelity(checkpoint, options.fidelity);
  const alphas = alphasCumprod(scheduler);
  const batch = lq.shape[0]!;
  const calls = steps - startStep + 1;
  const report = (stage: RestoreProgress['stage'], label: string, fraction: number): void => {
    options.signal?.throwIfAborted();
    options.onProgress?.({ stage, label, fraction });
  };

  report('encode', 'reading the face', 0);
  const context = await conditionOf(checkpoint, run, lq, observe);
  const { latent, ...features } = await run('encode', { image: lq });
  const conditions = await run('conditions', { context, image: lq });
  observe('latent', latent!);

  const guidanceWidth = unet.config.time_cond_proj_dim;
  const guidance = guidanceWidth
    ? repeatRow(guidanceEmbedding(guidanceScale, guidanceWidth), batch)
    : hostTensor([batch, 0]);
  const noise = (k: number): Float32Array =>
    noises?.[k]?.data ??
    new RandomStream(seed, [k]).fillNormal(new Float32Array(elementCount(latent!.shape)));
  const decode = async (latents: HostTensor): Promise<HostTensor> => {
    const { decoded } = await run('decode', {
      latent: latents,
      image: lq,
      ...features,
      fidelity: hostTensor([batch, 1, 1, 1], new Float32Array(batch).fill(fidelity)),
    });
    return decoded!;
  };
  /** What the model takes for the clean latent so far; before step 1 there is nothing. */
  let clean = startStep === 1 ? undefined : latent!.data;
  for (let step = startStep; step <= steps; step++) {
    const k = step - startStep; // the k-th network call
    const label = `step ${k + 1} of ${calls}`;
    report('step', label, stepFraction(k, calls));
    const t = timesteps[step - 1]!;
    const scalings = stepScalings(scheduler, alphas, t);
    const latents = hostTensor(latent!.shape, clean ? addNoise(clean, noise(k), scalings) : noise(k));
    observe(`latents${k + 1}`, latents);

    const timestep = repeatRow(timestepSinusoid(unet.config, t), batch);
    const residuals = zeroUnlessTrained(
      sampling.spatialEncoder,
      await run('spatial', { latents, timestep, ...conditions }),
    );
    if (k === 0) for (const [name, tensor] of Object.entries(residuals)) observe(name, tensor);
    report('step', label, stepFraction(k + 0.3, calls));
    const { eps } = await run('unet', { latents, timestep, guidance, ...residuals, ...conditions });
    observe(`eps${k + 1}`, eps!);
    clean = denoise(latents.data, eps!.data, scalings, clean);
    const denoised = hostTensor(latent!.shape, clean);
    observe(`denoised${k + 1}`, denoised);
    await options.onState?.({ step, decode, clean: denoised, noisy: latents, photo: latent! });
  }

  report('decode', 'painting the face', stepFraction(calls, calls));
  const decoded = await decode(hostTensor(latent!.shape, clean));
  observe('decoded', decoded);
  return fixColor(decoded, lq, colorFix);
}

/** [B, L, E]: the checkpoint's own condition, or what its vision networks make of the photo. */
async function conditionOf(
  { clip, context: own, sampling }: Checkpoint,
  run: RunStage,
  lq: HostTensor,
  observe: NonNullable<SampleOptions['observe']>,
): Promise<HostTensor> {
  const batch = lq.shape[0]!;
  const observed = (context: HostTensor): HostTensor => {
    observe('context', context);
    return context;
  };
  if (own) return observed(hostTensor([batch, ...own.shape.slice(1)], repeatRow(own.data, batch).data));
  const clipImage = clipInput(lq, clip!.config.image_size);
  observe('clip_input', clipImage);
  const { clip_tokens, context } = zeroUnlessTrained(
    sampling.visualEncoder,
    await run('vision', { clip_input: clipImage }),
  );
  observe('clip_tokens', clip_tokens!);
  return observed(context!);
}

/** How far a model's results follow the photo unless told otherwise; undefined if its decoder does not see the photo. */
export function fidelityOf({ vae, sampling }: Pick<Checkpoint, 'vae' | 'sampling'>): number | undefined {
  return vae.config.photo_fusion ? (sampling.fidelity ?? defaultSampling.fidelity) : undefined;
}

/** @throws {RangeError} unless the model's decoder sees the photo, and `fidelity` is in 0..1 */
export function requireFidelity({ name, vae }: Pick<Checkpoint, 'name' | 'vae'>, fidelity: number): void {
  if (!vae.config.photo_fusion)
    throw new RangeError(
      `Cannot restore by fidelity ${fidelity}: the decoder of ${name} does not see the photo`,
    );
  if (!(fidelity >= 0 && fidelity <= 1))
    throw new RangeError(`Cannot restore by fidelity ${fidelity}: it must be from 0 to 1`);
}

/** Zeros in place of what an encoder gives in a model that was trained without it. */
function zeroUnlessTrained(trained: boolean | undefined, tensors: Tensors): Tensors {
  if (trained !== false) return tensors;
  return Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, hostTensor(shape)]));
}

/** Rough shares of the time: encoding 0.15, the steps 0.6, decoding 0.25. @param done network calls, of `calls` */
function stepFraction(done: number, calls: number): number {
  return 0.15 + (0.6 * done) / calls;
}

/** @throws {RangeError} unless `lq` is [B, 3, size, size] */
export function requireImageBatch(lq: HostTensor, size: number): void {
  const [batch = 0] = lq.shape;
  if (batch < 1 || !sameShape(lq.shape, [batch, 3, size, size]))
    throw new RangeError(
      `Cannot restore a tensor of ${formatShape(lq.shape)}: [B, 3, ${size}, ${size}] is needed`,
    );
}
