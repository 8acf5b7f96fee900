/** What every stage computes of images with networks that mostly stay as they are: latents and contexts. */
import { constant, input, mul } from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { buildClip } from '../../models/clip/clip.ts';
import { buildVaeEncoder, type Photo, vaeScaleFactor } from '../../models/vae/vae.ts';
import { buildVisualEncoder } from '../../models/visual-encoder/visual-encoder.ts';
import { elementCount, repeatRow } from '../../tensor/host-tensor.ts';
import { type NetworkConfigs, type NetworkScopes, requireConfig } from '../stage-networks.ts';
import type { Condition } from '../train-config.ts';

/** Tokens of a context that stands for nothing: as many as Stable Diffusion's text encoder gives. */
const emptyContextTokens = 77;

/** A batch of square images. */
export interface BatchSize {
  readonly batch: number;
  /** Side in pixels. */
  readonly size: number;
}

/** Shape of one image's latent. */
export function latentShape(configs: NetworkConfigs, { size }: BatchSize): Shape {
  const vae = requireConfig(configs, 'vae');
  const factor = vaeScaleFactor(vae);
  if (size % factor !== 0)
    throw new RangeError(`Cannot train at ${size} pixels: the autoencoder needs multiples of ${factor}`);
  return [vae.latent_channels, size / factor, size / factor];
}

/** The scaled mean latent of an image. */
export function latentOf(scopes: NetworkScopes, configs: NetworkConfigs, image: Value): Value {
  const vae = requireConfig(configs, 'vae');
  return mul(buildVaeEncoder(scopes.vae, vae, image).mean, vae.scaling_factor);
}

/** A low-quality photo, encoded, and how its restoration may follow it. */
interface EncodedPhoto {
  /** the scaled mean latent */
  readonly latent: Value;
  /** What the decoder sees of it, if it does. */
  readonly photo: Photo | undefined;
}

/** @param fidelity [B, 1, 1, 1]; of no effect where the autoencoder has no `photo_fusion` */
export function encodePhoto(
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  image: Value,
  fidelity: Value,
): EncodedPhoto {
  const vae = requireConfig(configs, 'vae');
  const { mean, features } = buildVaeEncoder(scopes.vae, vae, image);
  const photo = vae.photo_fusion ? { image, features, fidelity } : undefined;
  return { latent: mul(mean, vae.scaling_factor), photo };
}

/** What samples are conditioned on: a text, or an image of theirs; zeros where `seen` is 0. */
export function droppedContext(
  condition: Condition,
  scopes: NetworkScopes,
  configs: NetworkConfigs,
  batch: number,
): Value {
  if (condition === 'none') return emptyContext(configs, batch);
  const context =
    typeof condition === 'string' ? contextOfImage(scopes, configs, batch) : sharedContext(configs, batch);
  return mul(context, input('seen', [batch, 1, 1]));
}

/** The context of input `clip_input`, which is fed by `clipInput`. */
export function contextOfImage(scopes: NetworkScopes, configs: NetworkConfigs, batch: number): Value {
  const clip = requireConfig(configs, 'clip');
  const image = input('clip_input', [batch, 3, clip.image_size, clip.image_size]);
  const tokens = buildClip(scopes.clip, clip, image);
  return buildVisualEncoder(scopes.visualEncoder, requireConfig(configs, 'visualEncoder'), tokens);
}

/**
 * The condition that all samples share.
 * @returns [batch, L, E]
 * @throws {TypeError} if it is missing, or not as wide as the UNet's attention
 */
export function sharedContext(configs: NetworkConfigs, batch: number): Value {
  const { context } = configs;
  if (!context)
    throw new TypeError('This stage has a text as its condition, and was given no embedding of it');
  const wanted = requireConfig(configs, 'unet').cross_attention_dim;
  const [, length, width] = context.shape as [number, number, number];
  if (width !== wanted)
    throw new TypeError(
      `Cannot train with a text's embedding of ${width} numbers a token: the UNet takes ${wanted}. Take the text tower that belongs to it`,
    );
  return constant([batch, length, width], repeatRow(context.data, batch).data);
}

/** Zeros in place of a context. */
export function emptyContext(configs: NetworkConfigs, batch: number): Value {
  const width = requireConfig(configs, 'unet').cross_attention_dim;
  const shape = [batch, configs.visualEncoder?.out_channels ?? emptyContextTokens, width];
  return constant(shape, new Float32Array(elementCount(shape)));
}
