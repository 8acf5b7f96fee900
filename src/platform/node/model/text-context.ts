/** Conditions of text: from a checkpoint's text tower, or from stored embeddings. */
import { writeFile } from 'node:fs/promises';
import { openTensorFile } from '../../../checkpoint/tensor-file.ts';
import type { GeneratorModel } from '../../../generate/generator-models.ts';
import { type EncodedText, encodeTexts } from '../../../generate/text-encoder.ts';
import { encodeEmbedding, readEmbedding } from '../../../restore/stored-embedding.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';
import { writeAtomically } from '../files/atomic-write.ts';
import { describeFiles } from '../files/batch-journal.ts';
import { openFileSource } from '../files/file-source.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';

/** A text, to be encoded by the checkpoint's own tower, or the file of an embedding. */
export type TextCondition = { readonly text: string } | { readonly embedding: string };

/** What a condition depends on, as text: another one when the text or the file was changed. */
export async function describeCondition(condition: TextCondition): Promise<string> {
  return 'text' in condition
    ? `text ${condition.text}`
    : `embedding ${await describeFiles(condition.embedding)}`;
}

export interface TextContextOptions {
  /** The checkpoint's folder, whose text tower encodes. */
  readonly checkpoint: string;
  /** Whose tower; that of LCM unless given. */
  readonly model?: GeneratorModel;
  readonly runtime: Runtime;
  /** Told of what may surprise, such as a text that was cut. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/**
 * @returns [1, L, E]
 * @throws {CheckpointError} naming what is missing or does not fit
 */
export async function openTextContext(
  condition: TextCondition,
  { checkpoint, model = 'lcm', runtime, onNote }: TextContextOptions,
): Promise<HostTensor> {
  if ('embedding' in condition) return readEmbeddingFile(condition.embedding);
  const store = await openCheckpointFolder(checkpoint);
  try {
    const [encoded] = (await encodeTexts(store, model, [condition.text], runtime)) as [EncodedText];
    const { embedding, truncated } = encoded;
    if (truncated)
      onNote?.(`the text is longer than the ${embedding.shape[1]} tokens that are taken: its end is cut`);
    return embedding;
  } finally {
    await store.close();
  }
}

/** Writes an embedding, [1, L, E], as a safetensors file. */
export async function writeEmbeddingFile(file: string, embedding: HostTensor): Promise<void> {
  await writeAtomically(file, (handle) => writeFile(handle, encodeEmbedding(embedding)));
}

/** @throws {CheckpointError} if the file does not hold an embedding */
async function readEmbeddingFile(file: string): Promise<HostTensor> {
  const source = await openFileSource(file);
  try {
    return await readEmbedding(await openTensorFile(source));
  } finally {
    await source.close();
  }
}
