/** What samplers have in common: a network that predicts, and steps that can be looked at. */

/**
 * What the network makes of a latent.
 * @param latents as the network takes them
 * @param timestep of training
 * @returns as many numbers
 */
export type Predict = (latents: Float32Array, timestep: number) => Promise<Float32Array>;

/** One step that was taken; step 1 begins with pure noise. */
export interface SamplerStep {
  /** 1, 2, …: counts the network's calls. */
  readonly step: number;
  /** What the network was given. */
  readonly input: Float32Array;
  readonly prediction: Float32Array;
  /** The clean latent that the prediction implies. */
  readonly clean: Float32Array;
  /** What the next step begins with; after the last step the clean latent. */
  readonly latents: Float32Array;
}

export interface SamplerOptions {
  /** Told of every step before the next begins, and waited for. */
  readonly onStep?: ((step: SamplerStep) => void | Promise<void>) | undefined;
}
