/** A run that cannot go on: what was trained is saved where it can be, and what is saved is said. */

import { because, failureOf } from '../../../failure/failure.ts';
import { NonFiniteError } from '../../../runtime/runtime.ts';
import { divergedError } from '../../../train/diverged.ts';
import { isOutOfMemory } from '../files/system-error.ts';

export interface StoppedRun {
  readonly folder: string;
  /** Iterations that the trainer's state holds; undefined if it holds no whole one. */
  readonly trained: number | undefined;
  /** The last iteration that is saved; 0: none. */
  readonly saved: number;
  /** Saves the trainer's state. @throws {Error} if that cannot be done */
  readonly save: (iteration: number) => Promise<void>;
}

/**
 * Saves what can be saved of a run that failed. Weights that gave NaN are not worth it, and would take the place of
 * better ones.
 * @returns the error to end with, which says what is saved
 */
export async function keepTrained(
  error: unknown,
  { folder, trained, saved, save }: StoppedRun,
): Promise<Error> {
  const why = whyStopped(error);
  let last = saved;
  if (why !== 'diverged' && trained !== undefined && trained > saved)
    try {
      await save(trained);
      last = trained;
    } catch {
      // Most likely for the reason that the run ended for: what was saved before is what is left.
    }
  const said =
    last > 0
      ? `Iteration ${last} is saved in ${folder}`
      : `Nothing is saved in ${folder} yet but the settings`;
  const cause =
    why === 'diverged' && failureOf(error)?.code !== 'training-diverged'
      ? divergedError(trained ?? saved, 'the validation', error)
      : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  return because(new Error(`${message}. ${said}`, { cause }), {
    code: 'training-stopped',
    folder,
    saved: last,
    why,
  });
}

function whyStopped(error: unknown): 'diverged' | 'out-of-memory' | 'other' {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof NonFiniteError) return 'diverged';
  return isOutOfMemory(error) ? 'out-of-memory' : 'other';
}
