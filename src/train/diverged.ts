/** Losses, gradients or weights that are no numbers any more. */

import { because } from '../failure/failure.ts';
import { NonFiniteError } from '../runtime/runtime.ts';

/** @param what is not finite, e.g. 'a loss or a gradient' */
export function divergedError(iteration: number, what: string, cause: unknown): NonFiniteError {
  return because(
    new NonFiniteError(
      `Training diverged at iteration ${iteration}: ${what} is not finite. Take a lower optimizer.learningRate, or clip gradients by optimizer.maxGradientNorm, such as 1`,
      { cause },
    ),
    { code: 'training-diverged', iteration },
  );
}
