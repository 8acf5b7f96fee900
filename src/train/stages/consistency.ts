import { alphasCumprod, type StepScalings, stepScalings } from '../../diffusion/lcm-schedule.ts';
import { guidanceEmbedding } from '../../diffusion/sinusoid.ts';
import { add, div, input, mul, reduceMean, sqrt, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { timestepSinusoid } from '../../models/unet/timestep.ts';
import { buildUNet } from '../../models/unet/unet.ts';
import type { UNetConfig } from '../../models/unet/unet-config.ts';
import { buildVaeDecoder } from '../../models/vae/vae.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { drawNoise, perImage, stackRows } from '../feeds.ts';
import type { StageGraph } from '../stage-graph.ts';
import { type NetworkConfigs, type NetworkScopes, requireConfig } from '../stage-networks.ts';
import type { StageConfig } from '../train-config.ts';
import { type BatchSize, droppedContext, emptyContext, latentOf, latentShape } from './conditioning.ts';
import { conditionFeeds } from './diffusion.ts';

/** Prefixes of the weights of the teacher, which stay, and of the target: the student's running average. */
export const teacherPrefix = 'teacher';
export const targetPrefix = 'target';

const scalingNames = ['signal', 'noise', 'skip', 'out', 'fromNoisy', 'fromPrediction'] as const;
/** Scalings of one timestep, each [B, 1, 1, 1]. */
type Coefficients = Readonly<Record<keyof StepScalings, Value>>;

/**
 * Latent consistency distillation: the student's estimate at a noisy latent shall be the target's estimate one solver
 * step less noisy. The teacher takes that step with classifier-free guidance, whose scale the student is told. The
 * term is `mse`, a squared or pseudo-Huber distance.
 * @param teacher the config of the UNet that the run starts from
 * @throws {TypeError} if networks are trained that teacher and target share, or the student is not told the guidance
 * @see Luo et al. 2023, arXiv:2310.04378, algorithm 1
 */
export function consistencyStage(
  config: StageConfig<'consistency'>,
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  teacher: UNetConfig,
  size: BatchSize,
): StageGraph {
  const { batch } = size;
  const unet = requireConfig(configs, 'unet');
  const vae = requireConfig(configs, 'vae');
  const others = config.train.filter((network) => network !== 'unet');
  if (others.length > 0)
    throw new TypeError(
      `Cannot train ${others.join(' and ')} by distillation: the target, which stands still for the student, would move too. Leave only unet in "train"`,
    );
  if (configs.scheduler.prediction_type === 'refinement')
    throw new TypeError(
      'Cannot distil a refinement: there is nothing to refine. Choose another prediction_type',
    );
  const guidanceWidth = unet.time_cond_proj_dim;
  if (!guidanceWidth)
    throw new TypeError(
      'Cannot distil: the student has no guidance embedding. Set networks.unet.time_cond_proj_dim, such as 256',
    );
  const shape = latentShape(configs, size);
  const high = input('high', [batch, 3, size.size, size.size]);
  const noise = input('noise', [batch, ...shape]);
  const guidanceScale = input('guidance_scale', [batch, 1, 1, 1]); // ω of the paper
  const guidance = input('guidance', [batch, guidanceWidth]);
  const coefficients = (name: string): Coefficients => {
    const inputs = scalingNames.map((key) => [key, input(`${name}_${key}`, [batch, 1, 1, 1])]);
    return Object.fromEntries(inputs) as Coefficients;
  };
  const [start, end] = [coefficients('start'), coefficients('end')];
  const timestep = (name: string): Value => input(`${name}_timestep`, [batch, unet.block_out_channels[0]!]);
  const [startTimestep, endTimestep] = [timestep('start'), timestep('end')];
  const nothing = emptyContext(configs, batch);
  const context = droppedContext(config.condition, scopes, configs, batch);

  const estimateOf = (latents: Value, prediction: Value, at: Coefficients): Value =>
    add(mul(at.fromNoisy, latents), mul(at.fromPrediction, prediction));
  const consistent = (latents: Value, prediction: Value, at: Coefficients): Value =>
    add(mul(at.skip, latents), mul(at.out, estimateOf(latents, prediction, at)));

  const clean = latentOf(scopes, configs, high);
  const latents = add(mul(clean, start.signal), mul(noise, start.noise));
  const student = buildUNet(scopes.unet, unet, { latents, timestep: startTimestep, guidance, context });
  const estimate = consistent(latents, student, start);

  // The teacher's guided DDIM step from start to end.
  const teacherScope = parameterScope(teacherPrefix);
  const teacherGuidance = teacher.time_cond_proj_dim ? { guidance } : {};
  const ask = (seen: Value): Value =>
    buildUNet(teacherScope, teacher, { latents, timestep: startTimestep, context: seen, ...teacherGuidance });
  const [conditional, unconditional] = [ask(context), ask(nothing)];
  const guided = add(conditional, mul(guidanceScale, sub(conditional, unconditional)));
  const guidedClean = estimateOf(latents, guided, start);
  const guidedNoise = div(sub(latents, mul(start.signal, guidedClean)), start.noise);
  const previous = add(mul(end.signal, guidedClean), mul(end.noise, guidedNoise));
  const target = consistent(
    previous,
    buildUNet(parameterScope(targetPrefix), unet, {
      latents: previous,
      timestep: endTimestep,
      guidance,
      context,
    }),
    end,
  );

  const difference = sub(estimate, target);
  const squared = mul(difference, difference);
  const delta = config.huberDelta;
  const distance = config.loss === 'l2' ? squared : sub(sqrt(add(squared, delta * delta)), delta);
  const decode = (latent: Value): Value =>
    buildVaeDecoder(scopes.vae, vae, mul(latent, 1 / vae.scaling_factor));

  const { scheduler } = configs;
  const alphas = alphasCumprod(scheduler);
  const skipped = Math.floor(alphas.length / config.solverSteps);
  return {
    terms: { mse: reduceMean(distance) },
    preview: { truth: high, noisy: decode(latents), estimate: decode(estimate), target: decode(target) },
    feeds(images, streams) {
      const starts = streams.map((stream) => skipped * (1 + stream.integer(config.solverSteps)) - 1);
      const ends = starts.map((t) => Math.max(0, t - skipped));
      const scales = streams.map((stream) => stream.uniformBetween(...config.guidance));
      const seen = streams.map((stream) => (stream.uniform() < config.conditionDropout ? 0 : 1));
      const rates = (name: string, timesteps: readonly number[]) => {
        const all = timesteps.map((t) => stepScalings(scheduler, alphas, t));
        return {
          ...Object.fromEntries(
            scalingNames.map((key) => [`${name}_${key}`, perImage(all.map((scalings) => scalings[key]))]),
          ),
          [`${name}_timestep`]: stackRows(timesteps.map((t) => timestepSinusoid(unet, t))),
        };
      };
      return {
        high: images.high,
        noise: drawNoise(streams, shape),
        guidance_scale: perImage(scales),
        guidance: stackRows(scales.map((scale) => guidanceEmbedding(scale + 1, guidanceWidth))),
        ...rates('start', starts),
        ...rates('end', ends),
        ...conditionFeeds(config.condition, configs, images, seen),
      };
    },
  };
}
