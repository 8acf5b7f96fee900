import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { keyOf } from '../../../nn/parameter-scope.ts';
import { elementCount } from '../../../tensor/host-tensor.ts';
import { type FormulaSpec, formulaFiles, formulaWeight } from '../../../verify/formula.ts';
import { requireDiskSpace } from '../files/disk-space.ts';
import { makeFolder } from '../files/make-folder.ts';
import { userCacheFolder } from '../files/user-cache-folder.ts';

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
  if (await exists(folder)) return;
  const bytes = Object.values(weights)
    .flatMap((tensors) => [...tensors.values()])
    .reduce((sum, shape) => sum + 4 * elementCount(shape), 0);
  const parent = path.dirname(folder);
  await makeFolder(parent);
  await requireDiskSpace(parent, bytes, 'formula weights');
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    for (const [file, json] of Object.entries(configs)) {
      await makeFolder(path.dirname(path.join(temporary, file)));
      await writeFile(path.join(temporary, file), JSON.stringify(json, null, 2));
    }
    for (const [file, tensors] of Object.entries(weights)) {
      onProgress(`making ${file}`);
      const inputs = [...tensors].map(([name, shape]) => ({
        name: keyOf(name),
        dtype: 'float32' as const,
        shape,
        data: async () => formulaWeight(name, shape),
      }));
      const chunks = Readable.from(encodeSafetensors(inputs), { objectMode: true, highWaterMark: 1 });
      await pipeline(chunks, createWriteStream(path.join(temporary, file)));
    }
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (await exists(folder)) return; // another process was faster
    throw error;
  }
}

async function exists(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  );
}
