/** Texts' embeddings in files: what a text tower gives of a text, [1, L, E]. */
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../checkpoint/safetensors-writer.ts';
import type { TensorFile } from '../checkpoint/tensor-entry.ts';
import { readTensor } from '../checkpoint/tensor-file.ts';
import { fileLimits } from '../tensor/file-limits.ts';
import { formatShape, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

/** How the embedding is called where a file holds more than one tensor. */
const embeddingName = 'text_embedding';
const { width } = fileLimits.network;

/**
 * Reads the embedding that a file holds: its only tensor, or the one called `text_embedding`.
 * @returns [1, L, E]
 * @throws {CheckpointError} if there is none, or it is not [L, E] or [1, L, E]
 */
export async function readEmbedding(file: TensorFile): Promise<HostTensor> {
  const names = [...file.tensors.keys()];
  const name = names.length === 1 ? names[0]! : embeddingName;
  const entry = file.tensors.get(name);
  const refuse = (problem: string): CheckpointError =>
    new CheckpointError(problem, { file: file.source.name });
  if (!entry)
    throw refuse(
      `it holds ${names.length} tensors, and none is called ${embeddingName}: name a text's embedding so`,
    );
  const [length = 0, size = 0] =
    entry.shape.length === 3 && entry.shape[0] === 1 ? entry.shape.slice(1) : entry.shape;
  const ofText = entry.shape.length === 2 || (entry.shape.length === 3 && entry.shape[0] === 1);
  if (!ofText || length < 1 || size < 1 || length > width || size > width)
    throw refuse(
      `its ${name} is ${formatShape(entry.shape)}; a text's embedding is [tokens, width], as [77, 768] of CLIP-L`,
    );
  const { data } = await readTensor(file, name);
  if (!data.every(Number.isFinite)) throw refuse(`its ${name} holds NaN or infinity`);
  return hostTensor([1, length, size], data);
}

/** A safetensors file of one embedding. */
export function encodeEmbedding({ shape, data }: HostTensor): AsyncIterable<Uint8Array> {
  return encodeSafetensors([{ name: embeddingName, dtype: 'float32', shape, data }]);
}
