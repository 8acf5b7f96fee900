/** Text to image over any runtime: four steps from noise, every state on demand. */
import { sampleByConsistency } from '../diffusion/sample-consistency.ts';
import { sampleByEuler } from '../diffusion/sample-euler.ts';
import type { Predict, SamplerStep } from '../diffusion/sampler.ts';
import { guidanceEmbedding } from '../diffusion/sinusoid.ts';
import { emitModel } from '../graph/onnx/emit-model.ts';
import { matchStored, type StoredNetwork } from '../models/match-stored.ts';
import { timestepSinusoid } from '../models/unet/timestep.ts';
import { oldVaeKey } from '../models/vae/vae.ts';
import { RandomStream } from '../random/random-stream.ts';
import { defaultSampling } from '../restore/default-sampling.ts';
import type { RestoreProgress } from '../restore/restorer.ts';
import {
  buildStageModels,
  type MemoryMode,
  type PrepareWeights,
  stagePlans,
} from '../restore/stage-models.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { createStagePool, type StagePool } from '../runtime/stage-pool.ts';
import { elementCount, formatShape, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import {
  buildGenerationGraphs,
  buildLatentGraph,
  type GenerationStage,
  trainedImageSize,
} from './generation-graphs.ts';
import type { GeneratorCheckpoint } from './generator-checkpoint.ts';

/** What a step has left. */
export interface GenerationState {
  /** 1, 2, …: the steps taken; 0 is the noise before them, which has no clean latent. */
  readonly step: number;
  /** [1, C, h, w]: the clean latent that the step predicts. */
  readonly clean?: HostTensor;
  /** [1, C, h, w]: what the next step begins with; the clean latent after the last one. */
  readonly noisy: HostTensor;
}

export interface GenerateOptions {
  /** Seed of the noise: the same seed, condition and device give the same image. */
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  /** Guidance scale, embedded; of models whose UNet has such an embedding. */
  readonly guidanceScale?: number | undefined;
  /** Told of every state, and waited for. */
  readonly onState?: ((state: GenerationState) => void | Promise<void>) | undefined;
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined;
  /** Stops between two network calls; `generate` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded text-to-image model. */
export interface Generator {
  readonly model: GeneratorCheckpoint['model'];
  /** Side of the square images in pixels. */
  readonly imageSize: number;
  /** The width of a condition's tokens. */
  readonly contextWidth: number;
  /** The device in use, and why this one. */
  readonly device: string;
  /**
   * @param context [1, L, E]: a text's embedding
   * @returns [1, 3, imageSize, imageSize], about [-1, 1]
   * @throws {RangeError} for a condition of another width, or steps that the schedule does not have
   */
  generate(context: HostTensor, options?: GenerateOptions): Promise<HostTensor>;
  /** The scaled mean latent of an image. @param image [1, 3, imageSize, imageSize] in [-1, 1] */
  latentOf(image: HostTensor): Promise<HostTensor>;
  /** @param latent [1, C, h, w], scaled, as states have it; the result as that of `generate` */
  decode(latent: HostTensor): Promise<HostTensor>;
  release(): Promise<void>;
}

export interface GeneratorOptions {
  /** Side of the images; what the UNet was trained on unless given. */
  readonly imageSize?: number | undefined;
  readonly memory?: MemoryMode | undefined;
  readonly prepare?: PrepareWeights | undefined;
}

/** Tokens of a text that CLIP's towers take. */
const usualLength = 77;

/**
 * Checks that the weights fit the networks, and makes them ready to run.
 * @throws {CheckpointError} listing tensors that are missing, unexpected or misshapen; RangeError for the image's side
 */
export async function createGenerator(
  checkpoint: GeneratorCheckpoint,
  runtime: Runtime,
  { imageSize: wantedSize, memory = 'balanced', prepare }: GeneratorOptions = {},
): Promise<Generator> {
  const { name, model } = checkpoint;
  const [unet, vae] = [checkpoint.unet.config, checkpoint.vae.config];
  const imageSize = wantedSize ?? trainedImageSize({ unet, vae });
  const load = async (contextLength: number): Promise<StagePool<GenerationStage>> => {
    const graphs = buildGenerationGraphs({ unet, vae }, { imageSize, contextLength });
    const [bindUnet, bindVae] = [
      await matchStored([graphs.unet['prediction']!], 'unet', storedPart(checkpoint, 'unet'), 'UNet'),
      await matchStored([graphs.decode['decoded']!], 'vae', storedPart(checkpoint, 'vae'), 'VAE', {
        oldKey: oldVaeKey,
        unused: /^(encoder|quant_conv)\./,
      }),
    ];
    const plan = stagePlans[memory];
    const bind: typeof bindUnet = (parameter, shape) =>
      (parameter.startsWith('vae/') ? bindVae : bindUnet)(parameter, shape);
    const models = await buildStageModels({ unet: graphs.unet, decode: graphs.decode }, bind, plan, prepare);
    return createStagePool(runtime, models, plan.budgetBytes);
  };
  /** Only analyses encode images. */
  const loadEncoder = async (): Promise<Session> => {
    const latent = buildLatentGraph(vae, imageSize);
    const bind = await matchStored([latent], 'vae', storedPart(checkpoint, 'vae'), 'VAE', {
      oldKey: oldVaeKey,
      unused: /^(decoder|post_quant_conv)\./,
    });
    return runtime.createSession(emitModel('encode', { latent }, bind));
  };
  let encoder: Session | undefined;
  let length = usualLength;
  let pool = await load(length);

  const decode: Generator['decode'] = async (latent) => (await pool.run('decode', { latent }))['decoded']!;
  return {
    model,
    imageSize,
    contextWidth: unet.cross_attention_dim,
    device: `${runtime.device}: ${runtime.reason}`,
    decode,
    async latentOf(image) {
      encoder ??= await loadEncoder();
      return (await encoder.run({ image }))['latent']!;
    },
    async generate(context, options = {}) {
      requireContext(context, unet.cross_attention_dim, name);
      if (context.shape[1] !== length) {
        await pool.release();
        length = context.shape[1]!;
        pool = await load(length);
      }
      const latent = await sampleLatent(checkpoint, pool, imageSize, context, options);
      options.signal?.throwIfAborted();
      options.onProgress?.({ stage: 'decode', label: 'painting', fraction: samplingShare });
      return decode(latent);
    },
    async release() {
      await pool.release();
      await encoder?.release();
      encoder = undefined;
    },
  };
}

function storedPart(checkpoint: GeneratorCheckpoint, network: 'unet' | 'vae'): StoredNetwork {
  const { tensors, path } = checkpoint[network];
  return { tensors, file: `${checkpoint.name}/${path}` };
}

/** Of the time of an image: what the steps take before it is decoded. */
const samplingShare = 0.8;

async function sampleLatent(
  { sampler, unet: { config }, vae }: GeneratorCheckpoint,
  pool: StagePool<GenerationStage>,
  imageSize: number,
  context: HostTensor,
  { seed = 0, steps = defaultSampling.steps, guidanceScale, onState, onProgress, signal }: GenerateOptions,
): Promise<HostTensor> {
  const side = imageSize / (trainedImageSize({ unet: config, vae: vae.config }) / config.sample_size);
  const shape = [1, vae.config.latent_channels, side, side];
  const noise = (k: number): Float32Array =>
    new RandomStream(seed, [k]).fillNormal(new Float32Array(elementCount(shape)));
  const guidanceWidth = config.time_cond_proj_dim;
  if (guidanceScale !== undefined && !guidanceWidth)
    throw new RangeError(
      `Cannot guide by ${guidanceScale}: this model's UNet has no embedding of a guidance scale`,
    );
  const guidance =
    guidanceWidth && guidanceEmbedding(guidanceScale ?? defaultSampling.guidanceScale, guidanceWidth);
  let call = 0;
  const predict: Predict = async (latents, t) => {
    signal?.throwIfAborted();
    const fraction = (samplingShare * call++) / steps;
    onProgress?.({ stage: 'step', label: `step ${call} of ${steps}`, fraction });
    const sinusoid = timestepSinusoid(config, t);
    const { prediction } = await pool.run('unet', {
      latents: hostTensor(shape, latents),
      timestep: hostTensor([1, sinusoid.length], sinusoid),
      context,
      ...(guidance && { guidance: hostTensor([1, guidance.length], guidance) }),
    });
    return prediction!.data;
  };
  const init = noise(0);
  await onState?.({ step: 0, noisy: hostTensor(shape, init) });
  const onStep = async ({ step, clean, latents }: SamplerStep): Promise<void> =>
    onState?.({ step, clean: hostTensor(shape, clean), noisy: hostTensor(shape, latents) });
  const latent =
    sampler.kind === 'consistency'
      ? await sampleByConsistency(sampler.config, steps, { init, noise, predict }, { onStep })
      : await sampleByEuler(
          sampler.config,
          steps,
          { init, predict, ...(sampler.ancestral && { noise }) },
          { onStep },
        );
  return hostTensor(shape, latent);
}

function requireContext({ shape }: HostTensor, width: number, name: string): void {
  if (shape.length !== 3 || shape[0] !== 1 || shape[2] !== width)
    throw new RangeError(
      `Cannot generate from a condition of ${formatShape(shape)}: the UNet of ${name} takes [1, tokens, ${width}]`,
    );
}
