/** Verification of a restoration: every intermediate tensor against what the published code computes. */
import { z } from 'zod';
import { alphasCumprod, lcmTimesteps } from '../diffusion/lcm-schedule.ts';
import { guidanceEmbedding } from '../diffusion/sinusoid.ts';
import { fixColor } from '../image/color-fix.ts';
import type { Checkpoint } from '../restore/checkpoint.ts';
import { loadStages, type RestorerOptions } from '../restore/create-restorer.ts';
import { restoreFaces } from '../restore/restore-faces.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor, relativeError, repeatRow } from '../tensor/host-tensor.ts';
import { formulaImage, formulaNoise, formulaSpecSchema } from './formula.ts';
import { type VerifyRow, verifyRow } from './report.ts';

/** Tensors of a file by name; undefined where there is none of that name. */
export type ReadTensor = (name: string) => Promise<HostTensor | undefined>;

/** reference.json of a reference directory. */
export const referenceSchema = z.object({
  name: z.string(),
  num_inference_steps: z.number().int().positive(),
  guidance_scale: z.number().default(8),
  tolerance: z.object({ forward: z.number().positive(), gradients: z.number().positive().optional() }),
});

/** Float32 rounding allows far less; a wrong form of anything gives far more. */
const formulaTolerance = 1e-3;

/**
 * Runs a reference directory's inputs through its checkpoint.
 * @param expectedNames the tensors to compare, in the order of the rows
 */
export async function* verifyReference(
  reference: unknown,
  checkpoint: Checkpoint,
  runtime: Runtime,
  inputs: ReadTensor,
  expected: ReadTensor,
  expectedNames: readonly string[],
  options: RestorerOptions = {},
): AsyncGenerator<VerifyRow> {
  const {
    num_inference_steps: steps,
    guidance_scale: guidanceScale,
    tolerance,
  } = referenceSchema.parse(reference);
  const lq = await required(inputs, 'lq');
  const noises: HostTensor[] = [];
  for (let noise = await inputs('noise0'); noise; noise = await inputs(`noise${noises.length}`))
    noises.push(noise);
  const computed = await computeAll(checkpoint, runtime, lq, { steps, guidanceScale, noises }, options);
  for (const name of expectedNames) {
    const wanted = await required(expected, name);
    const actual = computed.get(name);
    yield verifyRow(
      name,
      actual ? relativeError(actual.data, wanted.data) : Number.NaN,
      tolerance.forward,
      'relative error',
    );
  }
}

const formulaReferenceSchema = z.object({
  spec: formulaSpecSchema,
  tensors: z.record(
    z.string(),
    z.object({ shape: z.array(z.number()), sample_step: z.number().int().positive() }),
  ),
});

/**
 * Runs a checkpoint of formula weights on the formula's image and noise.
 * @param samples every `sample_step`-th value of each expected tensor
 */
export async function* verifyFormula(
  reference: unknown,
  checkpoint: Checkpoint,
  runtime: Runtime,
  samples: ReadTensor,
  options: RestorerOptions = {},
): AsyncGenerator<VerifyRow> {
  const { spec, tensors } = formulaReferenceSchema.parse(reference);
  const lq = formulaImage(spec.batch, spec.image_size);
  const latentShape = tensors['latents1']?.shape ?? [];
  const noises = Array.from({ length: spec.num_inference_steps - 1 }, (_, k) => formulaNoise(k, latentShape));
  const computed = await computeAll(
    checkpoint,
    runtime,
    lq,
    { steps: spec.num_inference_steps, noises },
    options,
  );
  computed.set('lq', lq);
  noises.forEach((noise, k) => {
    computed.set(`noise${k}`, noise);
  });
  for (const [name, { sample_step: step }] of Object.entries(tensors)) {
    const wanted = await required(samples, name);
    const actual = computed.get(name)?.data.filter((_, i) => i % step === 0);
    yield verifyRow(
      name,
      actual ? relativeError(actual, wanted.data) : Number.NaN,
      formulaTolerance,
      'relative error',
    );
  }
}

async function required(read: ReadTensor, name: string): Promise<HostTensor> {
  const tensor = await read(name);
  if (!tensor) throw new RangeError(`Cannot verify: the reference has no tensor ${name}`);
  return tensor;
}

/** Everything the sampler sees, by the names of the reference files. */
async function computeAll(
  checkpoint: Checkpoint,
  runtime: Runtime,
  lq: HostTensor,
  sampling: { steps: number; guidanceScale?: number; noises: readonly HostTensor[] },
  options: RestorerOptions,
): Promise<Map<string, HostTensor>> {
  const computed = new Map<string, HostTensor>();
  const { scheduler, unet } = checkpoint;
  const [batch, , height, width] = lq.shape as [number, number, number, number];
  const stages = await loadStages(checkpoint, runtime, { batch, height, width }, options);
  try {
    await restoreFaces(checkpoint, stages.run, lq, {
      ...sampling,
      colorFix: 'none',
      observe: (name, tensor) => computed.set(name, tensor),
    });
  } finally {
    await stages.pool.release();
  }
  const decoded = computed.get('decoded')!;
  for (const method of ['wavelet', 'adain'] as const) computed.set(method, fixColor(decoded, lq, method));
  const timesteps = lcmTimesteps(scheduler, sampling.steps);
  computed.set('timesteps', hostTensor([timesteps.length], Float32Array.from(timesteps)));
  const alphas = alphasCumprod(scheduler);
  computed.set('alphas_cumprod', hostTensor([alphas.length], alphas));
  const guidanceWidth = unet.config.time_cond_proj_dim ?? 0;
  const guidance = guidanceEmbedding(sampling.guidanceScale ?? 8, guidanceWidth);
  computed.set('guidance_embedding', repeatRow(guidance, batch));
  return computed;
}
