/** PyTorch checkpoints: the zip archives that torch.save writes, a pickle beside one entry for each storage. */

import { fileLimits } from '../tensor/file-limits.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError, quoteName } from './checkpoint-error.ts';
import { parsePickle } from './pickle.ts';
import type { PickleTensor } from './pickle-value.ts';
import { bytesPerElement, type TensorEntry, type TensorFile } from './tensor-entry.ts';
import { chooseRecord, defaultRecords, placeTensor } from './torch-record.ts';
import { openZip, type ZipArchive, type ZipEntry } from './zip-directory.ts';
import { readZipEntry, requireStored, zipDataOffsets } from './zip-entry.ts';

const maxNoteBytes = 64;

/**
 * Opens a torch archive. Only its directory, its pickle and the headers of the chosen tensors are read.
 * @param prefer names of the dictionary of tensors, best first; where none is present the tensors at the top count
 * @throws {CheckpointError} if it is damaged, holds no tensors, or needs more than tensors
 */
export async function openTorchArchive(
  source: ByteSource,
  prefer: readonly string[] = defaultRecords,
): Promise<TensorFile> {
  const archive = await openZip(source);
  const root = archiveRoot(archive);
  await requireLittleEndian(archive, root);
  const pickle = await readZipEntry(
    archive,
    archive.entries.get(`${root}data.pkl`)!,
    fileLimits.pickle.bytes,
  );
  const chosen = chooseRecord(source.name, parsePickle(source.name, pickle), prefer);
  const { record, tensors: described, arrays } = chosen;

  const storages = new Map<string, ZipEntry>();
  for (const [key, tensor] of described)
    storages.set(tensor.storage.key, storageEntry(archive, root, key, tensor));
  const offsets = await zipDataOffsets(archive, storages.values());

  const tensors = new Map<string, TensorEntry>();
  for (const [name, tensor] of described) {
    const storageStart = offsets.get(storages.get(tensor.storage.key)!)!;
    tensors.set(name, placeTensor(source.name, name, tensor, storageStart));
  }
  return { source, format: 'torch', tensors, arrays, metadata: record === undefined ? {} : { record } };
}

/** The folder of the archive, `name/`; torch.load takes any name. */
function archiveRoot(archive: ZipArchive): string {
  const file = archive.source.name;
  const roots = [...archive.entries.keys()]
    .filter((name) => /^[^/]+\/data\.pkl$/.test(name))
    .map((name) => name.slice(0, name.indexOf('/') + 1));
  const [root] = roots;
  if (root === undefined || roots.length > 1)
    throw new CheckpointError(`the zip archive holds ${roots.length} files data.pkl; torch.save writes one`, {
      file,
    });
  if (archive.entries.has(`${root}constants.pkl`))
    throw new CheckpointError(
      'it is a TorchScript program, which is code; save its state_dict() with torch.save, or take a safetensors ' +
        'file of the same network',
      { file },
    );
  return root;
}

async function requireLittleEndian(archive: ZipArchive, root: string): Promise<void> {
  const note = archive.entries.get(`${root}byteorder`);
  if (!note) return;
  const order = new TextDecoder().decode(await readZipEntry(archive, note, maxNoteBytes));
  if (order !== 'little')
    throw new CheckpointError(
      `its byte order is ${quoteName(order)}; only "little" is supported, save it on another machine`,
      { file: archive.source.name },
    );
}

function storageEntry(archive: ZipArchive, root: string, key: string, { storage }: PickleTensor): ZipEntry {
  const place = { file: archive.source.name, key };
  const entry = archive.entries.get(`${root}data/${storage.key}`);
  if (!entry) throw new CheckpointError(`the archive lacks its storage ${quoteName(storage.key)}`, place);
  requireStored(archive, entry);
  if (storage.count * bytesPerElement[storage.dtype] !== entry.size)
    throw new CheckpointError(
      `its storage of ${storage.count} ${storage.dtype} elements has ${entry.size} bytes`,
      { ...place, offset: entry.headerOffset },
    );
  return entry;
}
