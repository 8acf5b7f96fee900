/** Losses between images; each is a scalar. */
import { abs, add, log, mul, neg, reduceMean, relu, sub } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

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
