/** Losses between images; each is a scalar. */
import { abs, add, mul, neg, reduceMean, relu, sub } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** Mean absolute difference. */
export const l1Loss = (a: Value, b: Value): Value => reduceMean(abs(sub(a, b)));

/** What the generator minimises: −D(fake). */
export const adversarialLoss = (fakeScores: Value): Value => neg(reduceMean(fakeScores));

/**
 * What the discriminator minimises, for real and fake images.
 * @see Lim & Ye 2017, arXiv:1705.02894
 */
export const hingeLoss = {
  real: (scores: Value): Value => reduceMean(relu(add(neg(scores), 1))),
  fake: (scores: Value): Value => reduceMean(relu(add(scores, 1))),
};

/** Mean squared difference. */
export function mseLoss(a: Value, b: Value): Value {
  const difference = sub(a, b);
  return reduceMean(mul(difference, difference));
}
