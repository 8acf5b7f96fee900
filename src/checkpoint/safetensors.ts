/**
 * Safetensors files: an 8-byte header length, a JSON header that names each tensor's dtype, shape and byte range,
 * then the data.
 * @see https://github.com/huggingface/safetensors
 */

import { fileLimits } from '../tensor/file-limits.ts';
import { formatShape, sameShape } from '../tensor/host-tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { CheckpointError, quoteName } from './checkpoint-error.ts';
import { parseSafetensorsHeader, type SafetensorsHeaderEntry } from './safetensors-header.ts';
import {
  bytesPerElement,
  safeElementCount,
  type TensorDtype,
  type TensorEntry,
  type TensorFile,
} from './tensor-entry.ts';

const maxHeaderBytes = fileLimits.safetensorsHeaderBytes;

const dtypes: ReadonlyMap<string, TensorDtype> = new Map([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
]);

/** The format's word for each dtype. */
export const safetensorsDtypes: ReadonlyMap<TensorDtype, string> = new Map(
  [...dtypes].map(([word, dtype]) => [dtype, word]),
);

/** @throws {CheckpointError} if the header does not describe the file */
export async function openSafetensors(source: ByteSource): Promise<TensorFile> {
  const file = source.name;
  const dataStart = await findDataStart(source);
  const bytes = await source.read(8, dataStart - 8);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError('its safetensors header is not UTF-8 text', { file, offset: 8, cause });
  }
  const { entries, metadata } = parseSafetensorsHeader(file, text);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, entry] of entries) tensors.set(name, locateEntry(source, dataStart, name, entry));
  refuseOverlaps(file, tensors);
  return { source, format: 'safetensors', tensors: withRowScales(tensors), metadata };
}

/** How the scales of a tensor in 8 bits are called: its name, and this. */
export const rowScaleSuffix = '_scale';

/** Tensors of 8 bits with the scales of their rows, which are then no tensors of their own. */
function withRowScales(tensors: ReadonlyMap<string, TensorEntry>): Map<string, TensorEntry> {
  const scaled = new Map(tensors);
  for (const [name, entry] of tensors) {
    const rowScales = tensors.get(name + rowScaleSuffix);
    const fits = rowScales?.dtype === 'float32' && sameShape(rowScales.shape, entry.shape.slice(0, 1));
    if (entry.dtype !== 'int8' || !fits) continue;
    scaled.set(name, { ...entry, rowScales });
    scaled.delete(rowScales.name);
  }
  return scaled;
}

async function findDataStart(source: ByteSource): Promise<number> {
  const file = source.name;
  if (source.byteLength < 8) throw new CheckpointError('the file ends within its header length', { file });
  const length = new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes))
    throw new CheckpointError(
      `its safetensors header would be ${length} bytes long, more than ${maxHeaderBytes}; the file is damaged`,
      { file, offset: 0 },
    );
  if (Number(length) > source.byteLength - 8)
    throw new CheckpointError(
      `its safetensors header is ${length} bytes long, the file ${source.byteLength}; fetch it again`,
      { file, offset: 0 },
    );
  return 8 + Number(length);
}

function locateEntry(
  source: ByteSource,
  dataStart: number,
  name: string,
  { dtype: word, shape, range: [begin, end] }: SafetensorsHeaderEntry,
): TensorEntry {
  const place = { file: source.name, key: name };
  const dtype = dtypes.get(word);
  if (!dtype)
    throw new CheckpointError(
      `dtype ${quoteName(word)} is not supported; convert it to one of ${[...dtypes.keys()].join(', ')}`,
      place,
    );
  const count = safeElementCount(shape);
  if (count === undefined || count * bytesPerElement[dtype] !== end - begin)
    throw new CheckpointError(
      `shape ${formatShape(shape)} of ${dtype} does not fill its bytes ${begin} to ${end}`,
      place,
    );
  if (end > source.byteLength - dataStart)
    throw new CheckpointError(
      `its bytes end at ${dataStart + end}, the file at ${source.byteLength}; fetch the file again`,
      { ...place, offset: dataStart + begin },
    );
  return { name, dtype, shape, offset: dataStart + begin, byteLength: end - begin };
}

function refuseOverlaps(file: string, tensors: ReadonlyMap<string, TensorEntry>): void {
  const inOrder = [...tensors.values()]
    .filter((entry) => entry.byteLength > 0)
    .sort((a, b) => a.offset - b.offset);
  for (const [index, entry] of inOrder.entries()) {
    const before = inOrder[index - 1];
    if (before && before.offset + before.byteLength > entry.offset)
      throw new CheckpointError(`its bytes overlap those of ${quoteName(before.name)}`, {
        file,
        key: entry.name,
        offset: entry.offset,
      });
  }
}
