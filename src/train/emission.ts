/** How a trainer's graphs are emitted: by what the device at hand has kernels for. */
import { type BindParameter, emitModel, type OnnxModel } from '../graph/onnx/emit-model.ts';
import { usePlainOperators } from '../graph/passes/plain-operators.ts';
import type { Value } from '../graph/value.ts';
import { findConvolutionBlock } from '../runtime/convolution-block.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface Emission {
  /** As `emitModel` takes it. */
  readonly convolutionBlock?: number | undefined;
  /** Whether to keep to operators that devices other than the processor have kernels for. */
  readonly plainOperators?: boolean | undefined;
}

/** Whether a device has kernels for ONNX's plain operators alone. */
export const needsPlainOperators = ({ device }: Runtime): boolean => device !== 'cpu';

/** What suits a runtime's device. Runs a small convolution on it. */
export async function findEmission(runtime: Runtime): Promise<Emission> {
  const convolutionBlock = await findConvolutionBlock(runtime);
  return { convolutionBlock, plainOperators: needsPlainOperators(runtime) };
}

/** `emitModel`, as suits the device. */
export function emitForDevice(
  name: string,
  outputs: Readonly<Record<string, Value>>,
  bind: BindParameter,
  { convolutionBlock, plainOperators = false }: Emission,
): OnnxModel {
  return emitModel(name, plainOperators ? usePlainOperators(outputs) : outputs, bind, { convolutionBlock });
}
