/** The graphs of one restoration, built from a checkpoint's configs for a batch and an image size. */
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { parametersOf } from '../graph/graph.ts';
import { input, mul } from '../graph/ops.ts';
import { hoist } from '../graph/passes/hoist.ts';
import { isOp, type Shape, type Value } from '../graph/value.ts';
import { buildClip, clipTokenCount } from '../models/clip/clip.ts';
import { compareWeights, type StoredTensor, type WeightComparison } from '../models/network-weights.ts';
import { buildSpatialEncoder } from '../models/spatial-encoder/spatial-encoder.ts';
import { buildUNet } from '../models/unet/unet.ts';
import { buildVaeDecoder, buildVaeEncoder, vaeScaleFactor } from '../models/vae/vae.ts';
import { buildVisualEncoder } from '../models/visual-encoder/visual-encoder.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import { type Checkpoint, networksOfCheckpoint } from './checkpoint.ts';
import { type NetworkName, networkOf, networks, samplingPath } from './networks.ts';

export interface ImageBatch {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

type Outputs = Readonly<Record<string, Value>>;

/** One graph a stage; the input and output names are what {@link ./restore-faces.ts} feeds and reads. */
export interface RestorationGraphs {
  /** clip_input [B, 3, S, S] → clip_tokens, context; not there where the checkpoint has a condition of its own */
  readonly vision?: Outputs;
  /** image [B, 3, H, W] → latent, scaled; and featureK, where the decoder sees the photo */
  readonly encode: Outputs;
  /** context, image → what the step graphs need of them: everything that does not depend on the step */
  readonly conditions: Outputs;
  /** latents, timestep, and conditions → down_residualK, mid_residual */
  readonly spatial: Outputs;
  /** latents, timestep, guidance, residuals and conditions → eps */
  readonly unet: Outputs;
  /** latent, scaled → decoded [B, 3, H, W]; with image, featureK and fidelity [B, 1, 1, 1] where it sees the photo */
  readonly decode: Outputs;
}

/** Side in pixels of the images that InterLCM's released encoders were trained on, whatever their UNet was. */
const releasedImageSize = 512;

/**
 * The side of the square image that a checkpoint restores, in pixels: what its sampling.json says; else 512 for encoders
 * without a config, which are the released ones; else what its UNet was trained on, as encoders trained here were.
 * @throws {CheckpointError} if sampling.json asks for a size that the autoencoder cannot halve as often as it does
 */
export function modelImageSize({
  name,
  sampling,
  unet,
  vae,
  ...encoders
}: Pick<Checkpoint, 'name' | 'sampling' | 'unet' | 'vae'> &
  Partial<Pick<Checkpoint, 'visualEncoder' | 'spatialEncoder'>>): number {
  const factor = vaeScaleFactor(vae.config);
  const released = encoders.spatialEncoder?.inferred ?? encoders.visualEncoder?.inferred ?? false;
  const size = sampling.imageSize ?? (released ? releasedImageSize : unet.config.sample_size * factor);
  if (size % factor !== 0)
    throw new CheckpointError(
      `it restores images of ${size}×${size} pixels, but its autoencoder needs multiples of ${factor}: set "imageSize"`,
      { file: `${name}/${samplingPath}` },
    );
  return size;
}

/**
 * Builds every stage's graph.
 * @throws {CheckpointError} if the networks' sizes do not fit together
 * @throws {RangeError} if the image's sides are not multiples of the autoencoder's factor
 */
export function buildRestorationGraphs(checkpoint: Checkpoint, size: ImageBatch): RestorationGraphs {
  const factor = vaeScaleFactor(checkpoint.vae.config);
  const { height, width } = size;
  if (height % factor !== 0 || width % factor !== 0)
    throw new RangeError(
      `Cannot restore ${width}×${height} pixels: the sides must be multiples of ${factor}`,
    );
  try {
    return buildGraphs(checkpoint, size);
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(
      `its configs describe networks that cannot be built (${problem}). Copy them again from where the weights come from`,
      { file: checkpoint.name, cause },
    );
  }
}

function buildGraphs(checkpoint: Checkpoint, { batch, height, width }: ImageBatch): RestorationGraphs {
  const { unet, vae, spatialEncoder } = checkpoint;
  const factor = vaeScaleFactor(vae.config);
  const channels = vae.config.latent_channels;
  const latentShape: Shape = [batch, channels, height / factor, width / factor];
  const vaeScope = parameterScope(networks.vae.prefix);

  const vision = buildVision(checkpoint, batch);

  const image = input('image', [batch, 3, height, width]);
  const { mean, features } = buildVaeEncoder(vaeScope, vae.config, image);

  // The step's two networks; what they make of the image and the context alone is hoisted out of the loop.
  const context = input('context', vision?.context.shape ?? contextShape(checkpoint, batch));
  const latents = input('latents', latentShape);
  const timestep = input('timestep', [batch, unet.config.block_out_channels[0]!]);
  const guidanceWidth = unet.config.time_cond_proj_dim;
  const guidance = guidanceWidth ? input('guidance', [batch, guidanceWidth]) : undefined;
  const residuals = buildSpatialEncoder(
    parameterScope(networks.spatialEncoder.prefix),
    spatialEncoder.config,
    {
      latents,
      timestep,
      context,
      image,
    },
  );
  const down = residuals.down.map((value, i) => input(`down_residual${i}`, value.shape));
  const mid = input('mid_residual', residuals.mid.shape);
  const eps = buildUNet(parameterScope(networks.unet.prefix), unet.config, {
    latents,
    timestep,
    guidance,
    context,
    residuals: { down, mid },
  });
  const perImage = (leaf: Value): boolean => leaf === context || leaf === image || isOp(leaf, 'Parameter');
  const hoistFrom = (network: string, outputs: Outputs) =>
    hoist(outputs, perImage, (value, i) => input(`${network}_condition${i}`, value.shape));
  const spatial = hoistFrom(networks.spatialEncoder.prefix, {
    ...Object.fromEntries(residuals.down.map((value, i) => [`down_residual${i}`, value])),
    mid_residual: residuals.mid,
  });
  const denoiser = hoistFrom(networks.unet.prefix, { eps });

  const latent = input('latent', latentShape);
  const scale = vae.config.scaling_factor;
  const seen = vae.config.photo_fusion ? features : [];
  const photo = vae.config.photo_fusion
    ? {
        image,
        features: seen.map((value, i) => input(`feature${i}`, value.shape)),
        fidelity: input('fidelity', [batch, 1, 1, 1]),
      }
    : undefined;
  return {
    ...(vision && { vision }),
    encode: {
      latent: mul(mean, scale),
      ...Object.fromEntries(seen.map((value, i) => [`feature${i}`, value])),
    },
    conditions: Object.fromEntries([...spatial.hoisted, ...denoiser.hoisted]),
    spatial: spatial.body,
    unet: denoiser.body,
    decode: { decoded: buildVaeDecoder(vaeScope, vae.config, mul(latent, 1 / scale), photo) },
  };
}

/** What makes the condition of the photo; undefined where the checkpoint has one of its own. */
function buildVision(
  { name, clip, visualEncoder }: Checkpoint,
  batch: number,
): { readonly clip_tokens: Value; readonly context: Value } | undefined {
  if (!clip || !visualEncoder) return undefined;
  const tokenCount = clipTokenCount(clip.config);
  if (visualEncoder.config.emb_dim !== tokenCount)
    throw new CheckpointError(
      `the visual encoder takes ${visualEncoder.config.emb_dim} tokens, CLIP gives ${tokenCount}: they do not belong together`,
      { file: name },
    );
  const side = clip.config.image_size;
  const image = input('clip_input', [batch, 3, side, side]);
  const tokens = buildClip(parameterScope(networks.clip.prefix), clip.config, image);
  const scope = parameterScope(networks.visualEncoder.prefix);
  return { clip_tokens: tokens, context: buildVisualEncoder(scope, visualEncoder.config, tokens) };
}

/** @throws {CheckpointError} if the condition is not as wide as the UNet's attention */
function contextShape({ name, unet, context }: Checkpoint, batch: number): Shape {
  const [, length, width] = context!.shape as [number, number, number];
  const wanted = unet.config.cross_attention_dim;
  if (width !== wanted)
    throw new CheckpointError(
      `its UNet takes conditions of ${wanted} numbers a token, the text's embedding has ${width}: they do not belong together`,
      { file: name },
    );
  return [batch, length, width];
}

/** Compares every network's declared parameters with the checkpoint's tensors. */
export function compareNetworks(
  checkpoint: Checkpoint,
  graphs: RestorationGraphs,
): ReadonlyMap<NetworkName, WeightComparison> {
  const outputs = Object.values(graphs).flatMap((stage: Outputs) => Object.values(stage));
  const declared = parameterShapes(outputs);
  return new Map(
    networksOfCheckpoint(checkpoint).map(([network, { tensors }]) => {
      const own = new Map([...declared].filter(([name]) => networkOf(name) === network));
      return [network, compareWeights(own, tensors, networks[network].rules)];
    }),
  );
}

/** Shapes of a graph's parameters by full name. */
export function parameterShapes(outputs: readonly Value[]): Map<string, Shape> {
  return new Map([...parametersOf(outputs)].map(([name, value]) => [name, value.shape]));
}

/** All matched tensors of all networks, by full parameter name. */
export function allMatched(
  comparisons: ReadonlyMap<NetworkName, WeightComparison>,
): Map<string, StoredTensor> {
  return new Map([...comparisons.values()].flatMap(({ matched }) => [...matched]));
}
