/**
 * Weights of TensorFlow.js models: a JSON manifest that lists tensors, and their bytes one after another without
 * gaps, whole or quantised.
 * @see the weight manifest of tfjs-core's io module
 */

import { describeIssues } from '../failure/schema-issues.ts';
import { fileLimits } from '../tensor/file-limits.ts';
import { z } from '../tensor/file-schema.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { decodeElements } from './tensor-elements.ts';
import { bytesPerElement, safeElementCount, type TensorDtype } from './tensor-entry.ts';

const weightSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().check(z.nonnegative())).check(z.maxLength(fileLimits.rank)),
  dtype: z.enum(['float32', 'int32', 'uint8', 'bool']),
  /** The values were stored as (value - min) / scale, rounded; float16 has neither. */
  quantization: z.optional(
    z.discriminatedUnion('dtype', [
      z.object({ dtype: z.enum(['uint8', 'uint16']), scale: z.number(), min: z.number() }),
      z.object({ dtype: z.literal('float16') }),
    ]),
  ),
});
type Weight = z.infer<typeof weightSchema>;

const manifestSchema = z
  .array(z.object({ weights: z.array(weightSchema).check(z.maxLength(fileLimits.tensors)) }))
  .check(z.maxLength(fileLimits.tensors));

/**
 * The tensors of a manifest, as float32.
 * @param manifest the parsed JSON: a list of groups, each with its `weights`
 * @param bytes the files that the groups name in `paths`, joined in that order
 * @param file what the weights are called in errors
 * @throws {CheckpointError} if the manifest has another form, names a tensor twice, or does not fit the bytes
 */
export function parseTfjsWeights(
  manifest: unknown,
  bytes: Uint8Array,
  file = 'tfjs weights',
): Map<string, HostTensor> {
  const parsed = manifestSchema.safeParse(manifest);
  if (!parsed.success)
    throw new CheckpointError(`no weight manifest: ${describeIssues(parsed.error)}`, {
      file,
      cause: parsed.error,
    });
  const tensors = new Map<string, HostTensor>();
  let offset = 0;
  for (const weight of parsed.data.flatMap((group) => group.weights)) {
    const { name, shape } = weight;
    const place = { file, key: name, offset };
    if (tensors.has(name)) throw new CheckpointError('the manifest names it twice', place);
    const count = safeElementCount(shape);
    const stored = weight.quantization?.dtype ?? weight.dtype;
    const byteLength = (count ?? Number.POSITIVE_INFINITY) * storedBytes[stored];
    if (!(byteLength <= bytes.length - offset))
      throw new CheckpointError(
        `it needs ${byteLength} bytes, ${bytes.length - offset} are left; the file is cut short`,
        place,
      );
    tensors.set(name, hostTensor(shape, decode(weight, bytes.subarray(offset, offset + byteLength))));
    offset += byteLength;
  }
  if (offset !== bytes.length)
    throw new CheckpointError(`${bytes.length - offset} bytes follow the last tensor`, { file, offset });
  return tensors;
}

const storedBytes: Readonly<Record<TensorDtype | 'uint16', number>> = { ...bytesPerElement, uint16: 2 };

function decode({ dtype, quantization }: Weight, bytes: Uint8Array): Float32Array {
  if (!quantization) return decodeElements(dtype, new Uint8Array(bytes));
  if (quantization.dtype === 'float16') return decodeElements('float16', new Uint8Array(bytes));
  const steps = quantization.dtype === 'uint8' ? bytes : uint16LittleEndian(bytes);
  const { scale, min } = quantization;
  const values = new Float32Array(steps.length);
  for (let i = 0; i < values.length; i++) values[i] = steps[i]! * scale + min;
  return dtype === 'float32' ? values : values.map(Math.round);
}

function uint16LittleEndian(bytes: Uint8Array): Uint16Array {
  const values = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
  return values;
}
