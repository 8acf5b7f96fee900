/** A session over ONNX Runtime's common interface, which Node's and the browser's packages share. */

import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-common';
import { because } from '../failure/failure.ts';
import type { OnnxModel } from '../graph/onnx/emit-model.ts';
import { openExtent } from '../graph/onnx/open-sides.ts';
import { elementCount, formatShape, type HostTensor } from '../tensor/host-tensor.ts';
import { NonFiniteError, type Session, type Tensors } from './runtime.ts';
import { fromTyped, type TypedValues, toTyped } from './typed-values.ts';

export interface OrtSessionOptions {
  /** Whether the package writes into tensors that it is given for results: the browser's leaves them as they are. */
  readonly writesInPlace: boolean;
}

/** Checks what goes in and what comes out: names, shapes, and that every value is finite. */
export function ortSession(
  inner: InferenceSession,
  tensorClass: TensorConstructor,
  model: OnnxModel,
  { writesInPlace }: OrtSessionOptions,
): Session {
  const toOrt = (name: string, tensor: HostTensor): Tensor => {
    const type = model.types?.get(name) ?? 'float32';
    return new tensorClass(type, toTyped(tensor.data, type), expected(model, name, tensor));
  };
  return {
    name: model.name,
    async run(feeds, outputs = {}) {
      const ortFeeds: Record<string, Tensor> = {};
      for (const name of model.inputs.keys()) {
        const feed = feeds[name];
        if (!feed) throw new RangeError(`Cannot run ${model.name}: input ${name} is missing`);
        ortFeeds[name] = toOrt(name, feed);
      }
      const fetches: Record<string, Tensor | null> = {};
      for (const name of model.outputs.keys()) {
        const output = outputs[name];
        const place = output && !model.types?.has(name) ? toOrt(name, output) : undefined;
        fetches[name] = writesInPlace && place ? place : null;
      }
      const results = await inner.run(ortFeeds, fetches);
      return Object.fromEntries(
        [...model.outputs].map(([name, shape]) => {
          const result = results[name]!;
          if (!fitsShape(result.dims, shape))
            throw new Error(
              `${model.name} gave ${name} as ${formatShape(result.dims)}, not ${formatShape(shape)} as its graph says`,
            );
          const computed = fromTyped(result.data as TypedValues);
          const data = outputs[name]?.data ?? computed;
          if (data !== computed && !(writesInPlace && fetches[name])) data.set(computed);
          assertFinite(model.name, name, data);
          return [name, { shape: result.dims, data }];
        }),
      ) satisfies Tensors;
    },
    release: () => inner.release(),
  };
}

function expected(model: OnnxModel, name: string, { shape, data }: HostTensor): readonly number[] {
  const wanted = (model.inputs.get(name) ?? model.outputs.get(name))!;
  if (!fitsShape(shape, wanted) || data.length !== elementCount(shape))
    throw new RangeError(
      `Cannot run ${model.name}: ${name} is ${formatShape(wanted)}, the tensor given is ${formatShape(shape)}`,
    );
  return shape;
}

/** Whether a tensor has the shape that a model names, which may leave extents open. */
function fitsShape(shape: readonly number[], wanted: readonly number[]): boolean {
  return (
    shape.length === wanted.length &&
    shape.every((extent, axis) => extent === wanted[axis] || wanted[axis] === openExtent)
  );
}

function assertFinite(model: string, output: string, data: Float32Array): void {
  // x·0 is 0 for finite x and NaN otherwise: one running sum finds any bad value.
  let check = 0;
  for (let i = 0; i < data.length; i++) check += data[i]! * 0;
  if (check !== 0)
    throw because(new NonFiniteError(`${model} gave NaN or infinity in ${output}`), { code: 'not-finite' });
}
