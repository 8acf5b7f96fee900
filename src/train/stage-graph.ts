/** What each stage of training provides: losses to minimise, what is fed, and what is shown. */
import type { Value } from '../graph/value.ts';
import type { RandomStream } from '../random/random-stream.ts';
import type { Tensors } from '../runtime/runtime.ts';
import type { TrainingBatch } from './training-data.ts';

export interface StageGraph {
  /** Losses of the stage's own, by their name in the config; scalars, unweighted. */
  readonly terms: Readonly<Record<string, Value>>;
  /** Images that image losses compare, where the stage makes any. */
  readonly images?: { readonly restored: Value; readonly truth: Value };
  /** The same, as the networks of losses see them; as they are unless given. */
  readonly seen?: { readonly restored: Value; readonly truth: Value };
  /** The same, as perceptual networks see them; as the other networks do unless given. */
  readonly views?: { readonly restored: Value; readonly truth: Value };
  /** Latents whose deviation a trained autoencoder is scaled by. */
  readonly latent?: Value;
  /** Columns of the validation picture, each [B, 3, S, S]. */
  readonly preview: Readonly<Record<string, Value>>;
  /**
   * What the graph is fed beside parameters.
   * @param streams one an image, from which its noise and timestep are drawn
   */
  feeds(images: TrainingBatch, streams: readonly RandomStream[], purpose: 'training' | 'validation'): Tensors;
}
