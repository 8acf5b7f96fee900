/** Gaussian blur kernels on a grid of whole pixels. */

/** A square filter kernel of odd side; `weights` row by row. */
export interface Kernel {
  readonly size: number;
  readonly weights: Float64Array;
}

/**
 * A bivariate Gaussian with standard deviations `sigmaX` and `sigmaY` along its own axes, turned by `theta`,
 * sampled at pixel centres and normalised to sum 1.
 * @param size odd
 * @param theta radians; turns the x axis towards the y axis
 * @throws {RangeError} if the size is not odd, or a sigma not positive
 */
export function gaussianKernel(size: number, sigmaX: number, sigmaY = sigmaX, theta = 0): Kernel {
  checkKernel(size, Math.min(sigmaX, sigmaY));
  const cos = Math.cos(theta);
  const sin = Math.sin(theta);
  const radius = (size - 1) / 2;
  const weights = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = column - radius;
      const y = row - radius;
      const along = (x * cos + y * sin) / sigmaX;
      const across = (y * cos - x * sin) / sigmaY;
      weights[row * size + column] = Math.exp(-0.5 * (along * along + across * across));
    }
  }
  return { size, weights: normalise(weights) };
}

/**
 * A one-dimensional Gaussian sampled at pixel centres and normalised to sum 1.
 * @param size odd
 * @throws {RangeError} if the size is not odd, or sigma not positive
 */
export function gaussianWeights(size: number, sigma: number): Float64Array {
  checkKernel(size, sigma);
  const radius = (size - 1) / 2;
  return normalise(
    Float64Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2)),
  );
}

function checkKernel(size: number, sigma: number): void {
  if (!Number.isInteger(size) || size < 1 || size % 2 === 0)
    throw new RangeError(
      `Cannot make a Gaussian kernel of ${size} taps: the number must be odd and positive`,
    );
  if (!(sigma > 0))
    throw new RangeError(`Cannot make a Gaussian kernel of sigma ${sigma}: it must be positive`);
}

function normalise(weights: Float64Array): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
