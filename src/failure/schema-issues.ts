/** What a schema finds wrong with data from elsewhere, in one line for people. */

import type { $ZodError } from 'zod/v4/core';

const shownAtMost = 5;

/**
 * `losses.l1.weight: Invalid input: expected number, received string; and 3 more`
 * @param whole what the data is called where the fault is of all of it
 */
export function describeIssues({ issues }: Pick<$ZodError, 'issues'>, whole = 'file'): string {
  const shown = issues
    .slice(0, shownAtMost)
    .map(({ path, message }) => `${path.map(String).join('.') || whole}: ${inWords(message)}`);
  const more = issues.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

function inWords(message: string): string {
  return message.replace(/^Invalid input: expected (.+), received undefined$/, 'missing, $1 expected');
}

/** Whether an error is a schema's own, whose message is a JSON document; told without loading what schemas need. */
export function isSchemaError(error: unknown): error is $ZodError {
  return error instanceof Error && '_zod' in error && 'issues' in error;
}
