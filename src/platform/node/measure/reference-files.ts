/** Files of reference values. */
import { readFile } from 'node:fs/promises';
import type { TensorFile } from '../../../checkpoint/tensor-entry.ts';
import { openTensorFile, readTensor } from '../../../checkpoint/tensor-file.ts';
import type { ReadTensor } from '../../../verify/restoration.ts';
import { openFileSource } from '../files/file-source.ts';
import { explainSystemError } from '../files/system-error.ts';

/** @throws {Error} if the file cannot be read or is not JSON */
export async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`Cannot verify: ${file} cannot be read (${explainSystemError(cause)})`, { cause });
  });
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new Error(`Cannot verify: ${file} is not JSON`, { cause });
  }
}

interface ReferenceTensors {
  readonly tensors: TensorFile;
  readonly read: ReadTensor;
  readonly names: readonly string[];
  close(): Promise<void>;
}

/** @throws {CheckpointError} if the file cannot be read */
export async function openTensors(file: string): Promise<ReferenceTensors> {
  const source = await openFileSource(file);
  const tensors = await openTensorFile(source);
  return {
    tensors,
    read: async (name) => (tensors.tensors.has(name) ? readTensor(tensors, name) : undefined),
    names: [...tensors.tensors.keys()],
    close: () => source.close(),
  };
}
