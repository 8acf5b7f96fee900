/** Which flag helps: what the command line adds to errors from below. */

import { type Failure, type FailureCode, failureOf } from '../../failure/failure.ts';

const advice: { readonly [Code in FailureCode]: (failure: Extract<Failure, { code: Code }>) => string } = {
  'nothing-painted': ({ where }) =>
    where === 'mask'
      ? ''
      : 'Paint white, with a hard brush, over what is to be filled in and save it as PNG, or give --mask',
};

/** An error's message, and what to do about it. */
export function adviseOn(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const failure = failureOf(error);
  const advised = failure ? (advice[failure.code] as (failure: Failure) => string)(failure) : '';
  return advised === '' ? message : `${message}. ${advised}`;
}
