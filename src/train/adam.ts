export interface AdamConfig {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Decoupled from the gradient: AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101); 0 for Adam. */
  readonly weightDecay: number;
}

/** Parameters and their running moments, all of one length. */
interface AdamState {
  readonly parameter: Float32Array;
  /** Running mean of the gradient. */
  readonly mean: Float32Array;
  /** Running mean of its square. */
  readonly square: Float32Array;
}

/**
 * One step of Adam (Kingma & Ba 2015, arXiv:1412.6980), in place.
 * @param clip factor of the gradient
 * @param step counts from 1
 */
export function adamStep(
  { parameter, mean, square }: AdamState,
  gradient: Float32Array,
  clip: number,
  learningRate: number,
  step: number,
  { betas: [beta1, beta2], epsilon, weightDecay }: AdamConfig,
): void {
  const meanCorrection = 1 - beta1 ** step;
  const squareCorrection = 1 - beta2 ** step;
  for (let i = 0; i < parameter.length; i++) {
    const g = clip * gradient[i]!;
    const newMean = beta1 * mean[i]! + (1 - beta1) * g;
    const newSquare = beta2 * square[i]! + (1 - beta2) * g * g;
    mean[i] = newMean;
    square[i] = newSquare;
    const direction = newMean / meanCorrection / (Math.sqrt(newSquare / squareCorrection) + epsilon);
    parameter[i]! -= learningRate * (direction + weightDecay * parameter[i]!);
  }
}
