/** Formula weights too many for memory, in a file that models read in place. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { openTensorFile } from '../../../checkpoint/tensor-file.ts';
import { bindWeights, type StoredTensor } from '../../../models/network-weights.ts';
import { elementCount } from '../../../tensor/host-tensor.ts';
import { formulaWeight } from '../../../verify/formula.ts';
import { type BindFormula, bindInMemory, type FormulaTensor } from '../../../verify/metrics/set-weights.ts';
import { modelLocation } from '../engine/node-runtime.ts';
import { writeAtomically } from '../files/atomic-write.ts';
import { requireDiskSpace } from '../files/disk-space.ts';
import { exists } from '../files/file-kind.ts';
import { openFileSource } from '../files/file-source.ts';
import { makeFolder } from '../files/make-folder.ts';
import { userCacheFolder } from '../files/user-cache-folder.ts';

/** Models of fewer bytes are made in memory. */
const largestInMemory = 200e6;

/** Keeps many weights in a file under the user's cache folder, made once. */
export function bindFormulaFile(onProgress: (message: string) => void): BindFormula {
  return async (tensors) => {
    const bytes = tensors.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
    if (bytes <= largestInMemory) return bindInMemory(tensors);
    const key = createHash('sha256').update(JSON.stringify(tensors)).digest('hex').slice(0, 16);
    const file = path.join(await userCacheFolder(), 'formula', `${key}.safetensors`);
    if (!(await exists(file))) {
      onProgress(`making ${(bytes / 1e9).toFixed(1)} GB of formula weights`);
      await writeFormulaFile(file, tensors, bytes);
    }
    const source = await openFileSource(file);
    try {
      const opened = await openTensorFile(source);
      const location = modelLocation(file);
      const matched = new Map(
        [...opened.tensors].map(([name, entry]): [string, StoredTensor] => [
          name,
          { entry, file: opened, location },
        ]),
      );
      return await bindWeights(matched);
    } finally {
      await source.close();
    }
  };
}

async function writeFormulaFile(
  file: string,
  tensors: readonly FormulaTensor[],
  bytes: number,
): Promise<void> {
  const folder = path.dirname(file);
  await makeFolder(folder);
  await requireDiskSpace(folder, bytes, 'formula weights');
  const inputs = tensors.map(({ name, shape, range }) => ({
    name,
    dtype: 'float32' as const,
    shape,
    data: async () => formulaWeight(name, shape, range),
  }));
  await writeAtomically(file, (handle) => writeFile(handle, encodeSafetensors(inputs)));
}
