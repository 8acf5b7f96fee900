import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { elementCount } from '../../../tensor/host-tensor.ts';
import { type FormulaSpec, formulaFiles } from '../../../verify/formula.ts';
import { requireDiskSpace } from '../files/disk-space.ts';
import { makeFolder } from '../files/make-folder.ts';
import { userCacheFolder } from '../files/user-cache-folder.ts';
import { makeWholeFolder } from '../files/whole-folder.ts';
import { writeFormulaWeights } from './write-formula-weights.ts';

/** Where the formula checkpoint of `spec` is kept: models that differ in any size never share a folder. */
export async function formulaFolder(spec: FormulaSpec): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16);
  return path.join(await userCacheFolder(), 'formula', key);
}

/**
 * Writes a checkpoint of formula weights in the released layout, unless it is there already.
 * @param folder made as a whole or not at all
 * @throws {Error} if the disk has too little room
 */
export async function makeFormulaCheckpoint(
  spec: FormulaSpec,
  folder: string,
  onProgress: (message: string) => void = () => {},
): Promise<void> {
  const { configs, weights } = formulaFiles(spec);
  const bytes = Object.values(weights)
    .flatMap((tensors) => [...tensors.values()])
    .reduce((sum, shape) => sum + 4 * elementCount(shape), 0);
  await makeWholeFolder(folder, async (temporary) => {
    await requireDiskSpace(path.dirname(folder), bytes, 'formula weights');
    for (const [file, json] of Object.entries(configs)) {
      await makeFolder(path.dirname(path.join(temporary, file)));
      await writeFile(path.join(temporary, file), JSON.stringify(json, null, 2));
    }
    for (const [file, tensors] of Object.entries(weights)) {
      onProgress(`making ${file}`);
      await writeFormulaWeights(path.join(temporary, file), tensors);
    }
  });
}
