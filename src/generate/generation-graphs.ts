/** The graphs of text to image, and what they cost. */
import { graphFlops } from '../graph/cost.ts';
import { parametersOf } from '../graph/graph.ts';
import { input, mul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { buildClipText, type ClipTextConfig } from '../models/clip-text/clip-text.ts';
import { buildUNet } from '../models/unet/unet.ts';
import { buildVaeDecoder, buildVaeEncoder, type VaeConfig, vaeScaleFactor } from '../models/vae/vae.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { footprint } from '../restore/stage-models.ts';
import { elementCount } from '../tensor/host-tensor.ts';
import type { GeneratorConfigs } from './generator-checkpoint.ts';

type Outputs = Readonly<Record<string, Value>>;

export interface GenerationGraphs {
  /** latents [1, C, h, w], timestep, guidance, context [1, L, E] → prediction */
  readonly unet: Outputs;
  /** latent, scaled → decoded [1, 3, S, S] */
  readonly decode: Outputs;
}
export type GenerationStage = keyof GenerationGraphs;

export interface GenerationSize {
  /** Side of the square image in pixels. */
  readonly imageSize: number;
  /** Tokens of the condition. */
  readonly contextLength: number;
}

/** The side of the images that a model was trained on. */
export function trainedImageSize({ unet, vae }: GeneratorConfigs): number {
  return unet.sample_size * vaeScaleFactor(vae);
}

/** @throws {RangeError} if the side is no multiple of the autoencoder's factor */
export function buildGenerationGraphs(
  { unet, vae }: GeneratorConfigs,
  { imageSize, contextLength }: GenerationSize,
): GenerationGraphs {
  const factor = vaeScaleFactor(vae);
  // The UNet halves its latent once a block, but for the last.
  const multiple = factor * 2 ** (unet.block_out_channels.length - 1);
  if (imageSize % multiple !== 0)
    throw new RangeError(
      `Cannot make images of ${imageSize} pixels: the side must be a multiple of ${multiple}`,
    );
  const side = imageSize / factor;
  const latentShape = [1, vae.latent_channels, side, side];
  const guidanceWidth = unet.time_cond_proj_dim;
  const prediction = buildUNet(parameterScope('unet'), unet, {
    latents: input('latents', latentShape),
    timestep: input('timestep', [1, unet.block_out_channels[0]!]),
    context: input('context', [1, contextLength, unet.cross_attention_dim]),
    ...(guidanceWidth && { guidance: input('guidance', [1, guidanceWidth]) }),
  });
  const latent = mul(input('latent', latentShape), 1 / vae.scaling_factor);
  return {
    unet: { prediction },
    decode: { decoded: buildVaeDecoder(parameterScope('vae'), vae, latent) },
  };
}

/** image [1, 3, S, S] → its scaled mean latent: not needed to generate. */
export function buildLatentGraph(vae: VaeConfig, imageSize: number): Value {
  const image = input('image', [1, 3, imageSize, imageSize]);
  return mul(buildVaeEncoder(parameterScope('vae'), vae, image).mean, vae.scaling_factor);
}

/** What a part of one image's generation takes. */
export interface StageCost {
  readonly stage: 'text' | GenerationStage;
  readonly parameters: number;
  readonly calls: number;
  /** Of all calls, as the networks are defined. */
  readonly flops: number;
  /** Estimate of the memory that it takes while it is loaded and runs. */
  readonly footprintBytes: number;
}

/** Arithmetic and sizes of one image, counted from the graphs; nothing is run. */
export function generationCost(
  configs: GeneratorConfigs & { readonly text: ClipTextConfig },
  imageSize: number,
  steps: number,
): StageCost[] {
  const { text } = configs;
  const contextLength = text.max_position_embeddings;
  const { last } = buildClipText(parameterScope('text'), text, input('ids', [1, contextLength]));
  const { unet, decode } = buildGenerationGraphs(configs, { imageSize, contextLength });
  return [costOf('text', { last }, 1), costOf('unet', unet, steps), costOf('decode', decode, 1)];
}

function costOf(stage: StageCost['stage'], outputs: Outputs, calls: number): StageCost {
  const values = Object.values(outputs);
  const parameters = [...parametersOf(values).values()];
  const { weightBytes, scratchBytes } = footprint(values);
  return {
    stage,
    parameters: parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    calls,
    flops: calls * graphFlops(values),
    footprintBytes: weightBytes + scratchBytes,
  };
}
