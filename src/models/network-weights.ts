/** From the tensors of a checkpoint to the parameters of a network: every name accounted for, or an error that lists them. */
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import type { TensorEntry, TensorFile } from '../checkpoint/tensor-entry.ts';
import { readTensor } from '../checkpoint/tensor-file.ts';
import { listNames } from '../failure/list-names.ts';
import type { BindParameter, ParameterBinding } from '../graph/onnx/emit-model.ts';
import type { Shape } from '../graph/value.ts';
import { keyOf } from '../nn/parameter-scope.ts';
import { formatShape, sameShape } from '../tensor/host-tensor.ts';

/** One tensor of a network's checkpoint, which may be spread over several files. */
export interface StoredTensor {
  readonly entry: TensorEntry;
  readonly file: TensorFile;
  /** How the runtime names that file. */
  readonly location: string;
}

/** The tensors of one network by checkpoint key. */
export type StoredTensors = ReadonlyMap<string, StoredTensor>;

/** How a network's checkpoint keys may differ from its parameters' keys. */
export interface WeightRules {
  /** What an older file may call the weight `key`. */
  readonly oldKey?: (key: string) => string | undefined;
  /** Tensors that the file may hold and this network does not use. */
  readonly unused?: RegExp;
}

export interface WeightComparison {
  /** By the parameter's full name. */
  readonly matched: ReadonlyMap<string, StoredTensor>;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** Each with both shapes. */
  readonly misshapen: readonly string[];
  /** Present, known, and not needed. */
  readonly unused: readonly string[];
}

/**
 * Compares what a network declares with what a checkpoint holds.
 * @param declared shapes by full name, `unet/conv_in.weight`
 */
export function compareWeights(
  declared: ReadonlyMap<string, Shape>,
  stored: StoredTensors,
  { oldKey, unused }: WeightRules = {},
): WeightComparison {
  const matched = new Map<string, StoredTensor>();
  const missing: string[] = [];
  const misshapen: string[] = [];
  const left = new Set(stored.keys());
  for (const [name, shape] of declared) {
    const key = keyOf(name);
    const storedKey = stored.has(key) ? key : (oldKey?.(key) ?? key);
    const tensor = stored.get(storedKey);
    left.delete(storedKey);
    if (!tensor) missing.push(key);
    else if (!sameShape(tensor.entry.shape, shape))
      misshapen.push(`${key} is ${formatShape(tensor.entry.shape)}, should be ${formatShape(shape)}`);
    else matched.set(name, tensor);
  }
  const isUnused = (key: string): boolean => unused?.test(key) ?? false;
  return {
    matched,
    missing,
    misshapen,
    unexpected: [...left].filter((key) => !isUnused(key)),
    unused: [...left].filter(isUnused),
  };
}

/** @throws {CheckpointError} that lists what is missing, unexpected or misshapen */
export function requireMatch(comparison: WeightComparison, network: string, file: string): void {
  const problems = (['missing', 'unexpected', 'misshapen'] as const).filter(
    (kind) => comparison[kind].length > 0,
  );
  if (problems.length === 0) return;
  const lists = problems.map((kind) => `${kind}: ${listNames(comparison[kind], namedAtMost)}`).join('; ');
  throw new CheckpointError(
    `its tensors do not fit the ${network} that its config describes. ${lists}. Check that config and weights belong together`,
    { file },
  );
}

const namedAtMost = 20;

const inPlace = new Set(['float32', 'float16', 'bfloat16', 'int8']);

/**
 * Tells the emitter where matched weights are. Dense tensors of floats and bytes stay in their files; others are read
 * and converted now.
 */
export async function bindWeights(matched: ReadonlyMap<string, StoredTensor>): Promise<BindParameter> {
  const bindings = new Map<string, ParameterBinding>();
  for (const [name, { entry, file, location }] of matched) {
    const { dtype, offset, byteLength, rowScales } = entry;
    if (entry.strides || !inPlace.has(dtype)) {
      const { data } = await readTensor(file, entry.name);
      bindings.set(name, { kind: 'inline', data });
    } else {
      bindings.set(name, {
        kind: 'external',
        location,
        offset,
        byteLength,
        dtype: dtype as 'float32' | 'float16' | 'bfloat16' | 'int8',
        rowScales,
      });
    }
  }
  return (name) => {
    const binding = bindings.get(name);
    if (!binding)
      throw new TypeError(`Parameter ${name} has no weights: bind its network's checkpoint first`);
    return binding;
  };
}
