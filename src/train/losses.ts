/** Losses between images; each is a scalar. */
import { abs, add, averagePool, div, log, mul, neg, reduceMean, relu, reshape, sub } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { toPatches } from '../nn/patches.ts';

/** Mean absolute difference. */
export const l1Loss = (a: Value, b: Value): Value => reduceMean(abs(sub(a, b)));

/** What the generator minimises: −D(fake). */
export const adversarialLoss = (fakeScores: Value): Value => neg(reduceMean(fakeScores));

/**
 * Mean absolute difference of what a discriminator's layers make of images and of the true ones, averaged over layers.
 * @see Wang et al. 2018, arXiv:1711.11585, equation 4
 */
export function featureMatchingLoss(fake: readonly Value[], real: readonly Value[]): Value {
  const distances = fake.map((features, layer) => l1Loss(features, real[layer]!));
  return mul(
    distances.reduce((sum, distance) => add(sum, distance)),
    1 / distances.length,
  );
}

/**
 * What the discriminator minimises, for real and fake images.
 * @see Lim & Ye 2017, arXiv:1705.02894
 */
export const hingeLoss = {
  real: (scores: Value): Value => reduceMean(relu(add(neg(scores), 1))),
  fake: (scores: Value): Value => reduceMean(relu(add(scores, 1))),
};

/** Keeps the logarithm of equal images finite: 100 dB. */
const leastSquare = 4e-10;

/**
 * −PSNR in dB of images in [-1, 1], averaged over the batch: every image counts by its relative error, so that those
 * that are good already are not sacrificed to the bad ones.
 * @param a [B, C, H, W]
 */
export function psnrLoss(a: Value, b: Value): Value {
  const difference = sub(a, b);
  const squares = reduceMean(mul(difference, difference), [1, 2, 3]); // [B]
  return add(mul(reduceMean(log(add(squares, leastSquare))), 10 / Math.LN10), -10 * Math.log10(4));
}

/** Mean squared difference. */
export function mseLoss(a: Value, b: Value): Value {
  const difference = sub(a, b);
  return reduceMean(mul(difference, difference));
}

/** Side of SSIM's windows here, and the way from one to the next, in pixels. */
const [ssimSide, ssimStride] = [6, 3];

/**
 * 1 − SSIM of images in [-1, 1]: its windows are squares of 6 pixels, every third one in a row and in a column, where the
 * metric takes all windows of a Gaussian of sigma 1.5, which is about as wide.
 * @param a [B, C, H, W]
 * @throws {RangeError} where an image is smaller than a window
 * @see Wang et al. 2004, doi:10.1109/TIP.2003.819861
 */
export function ssimLoss(a: Value, b: Value): Value {
  const [, , height, width] = a.shape as [number, number, number, number];
  if (Math.min(height, width) < ssimSide)
    throw new RangeError(
      `Cannot take the SSIM of ${width} x ${height} pixels: a window is ${ssimSide} x ${ssimSide}`,
    );
  const [c1, c2] = [(0.01 * 2) ** 2, (0.03 * 2) ** 2]; // of a range of 2
  const window = { kernel: [ssimSide, ssimSide], strides: [ssimStride, ssimStride], pads: [0, 0, 0, 0] };
  const mean = (x: Value): Value => averagePool(x, window);
  const [meanA, meanB] = [mean(a), mean(b)];
  const variances = sub(mean(add(mul(a, a), mul(b, b))), add(mul(meanA, meanA), mul(meanB, meanB)));
  const covariance = sub(mean(mul(a, b)), mul(meanA, meanB));
  const [lightA, lightB] = [add(meanA, 1), add(meanB, 1)]; // lightness counts from black
  const similarity = div(
    mul(add(mul(mul(lightA, lightB), 2), c1), add(mul(covariance, 2), c2)),
    mul(add(add(mul(lightA, lightA), mul(lightB, lightB)), c1), add(variances, c2)),
  );
  return add(neg(reduceMean(similarity)), 1);
}

/** Sides of tiles in pixels: a decoder that enlarges its latent by two, again and again, repeats itself by them. */
const gridPeriods = [4, 8, 16];
/** Tiles on a side over which an error is averaged: what a face has there of its own differs from tile to tile. */
const gridTiles = 4;

/**
 * Mean square of the error that repeats from tile to tile, without the tiles' means, summed over tiles of 4 × 4,
 * 8 × 8, and 16 × 16 pixels: the grid that a decoder draws where it is asked for more detail than it knows. An error that
 * does not repeat counts a sixteenth of its square in each.
 * @param a [B, C, H, W]
 * @throws {RangeError} unless H and W are multiples of 64
 */
export function gridLoss(a: Value, b: Value): Value {
  const [, , height, width] = a.shape as [number, number, number, number];
  const side = gridTiles * Math.max(...gridPeriods);
  if (height % side !== 0 || width % side !== 0)
    throw new RangeError(
      `Cannot look for grids in images of ${width} x ${height}: the sides must be multiples of ${side}`,
    );
  const error = sub(a, b);
  return gridPeriods
    .map((period) => repeatedError(error, period))
    .reduce((sum, repeated) => add(sum, repeated));
}

function repeatedError(error: Value, period: number): Value {
  const [batch, channels] = error.shape as [number, number];
  const window = [gridTiles, gridTiles];
  const tiles = toPatches(error, period); // [B, C·p², H/p, W/p]
  const repeated = averagePool(tiles, { kernel: window, strides: window, pads: [0, 0, 0, 0] });
  const [, , h, w] = repeated.shape as [number, number, number, number];
  const byPosition = reshape(repeated, [batch * channels, period ** 2, h * w]);
  const pattern = sub(byPosition, reduceMean(byPosition, [1], true));
  return reduceMean(mul(pattern, pattern));
}
