/** The flags for a text in place of the photo's own condition. */
import type { TextCondition } from '../../platform/node/model/text-context.ts';
import { UsageError } from './usage-error.ts';

/** @throws {UsageError} for two of them */
export function textCondition({
  text,
  textEmbedding,
}: {
  readonly text?: string | undefined;
  readonly textEmbedding?: string | undefined;
}): TextCondition | undefined {
  if (text !== undefined && textEmbedding !== undefined)
    throw new UsageError('--text and --text-embedding are two conditions; give one');
  if (text !== undefined) return { text };
  return textEmbedding === undefined ? undefined : { embedding: textEmbedding };
}
