/** What a loaded model offers to whoever restores with it: a command, a page, a server. */

import type { ColorFix } from '../image/color-fix.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';

/** One report of a restoration under way. */
export interface RestoreProgress {
  readonly stage: 'encode' | 'step' | 'decode' | 'load';
  /** e.g. 'step 2 of 3' */
  readonly label: string;
  /** 0..1 of this call */
  readonly fraction: number;
}

export interface RestoreOptions {
  /** Seed of the noise: the same seed, input and device give the same picture. */
  seed?: number;
  /** Timesteps of the schedule, the one without a network call included: 4 for the three-step model. */
  steps?: number;
  /** 1..4: the step whose predecessor the encoded input stands in for; 1 starts from pure noise. */
  startStep?: number;
  /** How the colours of the result are tied to those of the input. */
  colorFix?: ColorFix;
  /**
   * 0..1, for models whose decoder sees the photo: 0 is the face that the model makes, 1 follows the photo most; as
   * the model is best unless given.
   */
  fidelity?: number;
  /** Stops between two network calls; `restore` then rejects with the signal's reason. */
  signal?: AbortSignal;
  onProgress?: (progress: RestoreProgress) => void;
  /** Told of what each step has left, and waited for. */
  onState?: (state: RestorationState) => void | Promise<void>;
}

/** What a step of the schedule has left, as latents: [B, C, h, w]. */
export interface RestorationState {
  /** From the start step to the last: counts the schedule's steps. */
  readonly step: number;
  /** The estimate of the clean latent. */
  readonly clean: HostTensor;
  /** What the step was given. */
  readonly noisy: HostTensor;
  /** The photo's own. */
  readonly photo: HostTensor;
  /** Decodes a latent as the result is decoded: [B, 3, H, W], about [-1, 1]. */
  readonly decode: (latent: HostTensor) => Promise<HostTensor>;
}

/** One loaded model. */
export interface Restorer {
  /** side of the square image in pixels */
  readonly imageSize: number;
  /** How far results follow the photo unless told otherwise, 0..1; undefined if the model does not see the photo. */
  readonly fidelity?: number | undefined;
  /** the device in use, and why this one */
  readonly device: string;
  /**
   * Restores a batch of aligned faces.
   * @param lq [B, 3, imageSize, imageSize] in [-1, 1]
   * @returns the same shape and range
   */
  restore(lq: HostTensor, options?: RestoreOptions): Promise<HostTensor>;
  release(): Promise<void>;
}
