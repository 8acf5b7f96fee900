/**
 * The names that a PyTorch checkpoint of tensors, or of arrays, refers to, and what each stands for here. There are no others:
 * a pickle that names anything else is refused before anything is made of it.
 */

import { fileLimits } from '../tensor/file-limits.ts';
import { numpyCallables, numpyNames } from './numpy-globals.ts';
import {
  ofKind,
  type PickleDict,
  type PickleGlobal,
  type PickleStorage,
  type PickleTensor,
  type PickleValue,
  pickleKey,
} from './pickle-value.ts';
import { isCount, type TensorDtype } from './tensor-entry.ts';

const storageDtypes: ReadonlyMap<string, TensorDtype> = new Map([
  ['torch.DoubleStorage', 'float64'],
  ['torch.FloatStorage', 'float32'],
  ['torch.HalfStorage', 'float16'],
  ['torch.BFloat16Storage', 'bfloat16'],
  ['torch.LongStorage', 'int64'],
  ['torch.IntStorage', 'int32'],
  ['torch.ShortStorage', 'int16'],
  ['torch.CharStorage', 'int8'],
  ['torch.ByteStorage', 'uint8'],
  ['torch.BoolStorage', 'bool'],
]);

type Callable = (args: readonly PickleValue[]) => PickleValue | undefined;

/** What each callable name makes of its arguments; undefined where they do not suit it. */
const callables: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ['collections.OrderedDict', orderedDict],
  ['torch.Size', ([extents]) => (Array.isArray(extents) ? extents : undefined)],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', ([tensor]) => ofKind('tensor', tensor)],
  ...numpyCallables,
]);

/** The global of that name; undefined if checkpoints have no business with it. */
export function torchGlobal(name: string): PickleGlobal | undefined {
  return callables.has(name) || storageDtypes.has(name) || numpyNames.has(name)
    ? { kind: 'global', name }
    : undefined;
}

/** What calling a global gives; undefined if it cannot be called with these arguments. */
export function callTorchGlobal(
  callable: PickleGlobal,
  args: readonly PickleValue[],
): PickleValue | undefined {
  return callables.get(callable.name)?.(args);
}

/** The storage of a persistent id `('storage', class, key, device, count)`; old files add a view's extent, or None. */
export function torchStorage(id: PickleValue): PickleStorage | undefined {
  if (!Array.isArray(id)) return undefined;
  const [tag, storageClass, key, , count, view = null] = id;
  const dtype = storageDtypes.get(ofKind('global', storageClass)?.name ?? '');
  if (tag !== 'storage' || !dtype || typeof key !== 'string' || !isCount(count) || view !== null)
    return undefined;
  return { kind: 'storage', dtype, key, count };
}

/** Empty, to be filled; or, as Python 2 wrote it, of a list of pairs. */
function orderedDict(args: readonly PickleValue[]): PickleDict | undefined {
  const [pairs = []] = args;
  if (args.length > 1 || !Array.isArray(pairs)) return undefined;
  const dict: PickleDict = new Map();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const key = pickleKey(pair[0]!);
    if (key === undefined) return undefined;
    dict.set(key, pair[1]!);
  }
  return dict;
}

/** `_rebuild_tensor(storage, storage_offset, size, stride)`; `_v2` adds `requires_grad, backward_hooks`. */
function rebuildTensor(args: readonly PickleValue[]): PickleTensor | undefined {
  const storage = ofKind('storage', args[0]);
  const storageOffset = args[1];
  const shape = counts(args[2]);
  const strides = counts(args[3]);
  if (!storage || !isCount(storageOffset) || !shape || strides?.length !== shape.length) return undefined;
  return { kind: 'tensor', storage, storageOffset, shape, strides };
}

/** A copy, since lists can still grow. */
function counts(value: PickleValue | undefined): number[] | undefined {
  return Array.isArray(value) && value.length <= fileLimits.rank && value.every(isCount)
    ? [...value]
    : undefined;
}
