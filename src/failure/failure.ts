/** What went wrong, for programs: errors keep their class and their words, and carry this beside them. */

/** Causes that whoever shows the error can give advice about, in words of its own. */
export type Failure =
  /** nothing is white where white was to say what is filled in */
  { readonly code: 'nothing-painted'; readonly where: 'picture' | 'mask' };

export type FailureCode = Failure['code'];

/** @returns the error itself, with `failure` beside its message */
export function because<Kind extends Error>(error: Kind, failure: Failure): Kind & { failure: Failure } {
  return Object.assign(error, { failure });
}

/** What an error, or the first that has it of those that caused it, says of itself by `because`. */
export function failureOf(error: unknown): Failure | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if ('failure' in at) return at.failure as Failure;
  return undefined;
}
