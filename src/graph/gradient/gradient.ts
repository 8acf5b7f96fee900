import { formatShape, sameShape } from '../../tensor/host-tensor.ts';
import { topologicalOrder } from '../graph.ts';
import { add, constant } from '../ops.ts';
import type { OpType, Value } from '../value.ts';
import { type GradientRule, gradientRules } from './rules.ts';

/** An output and the gradient of the loss with respect to it. */
export interface Seed {
  readonly value: Value;
  readonly gradient: Value;
}

/**
 * Reverse-mode gradients: Σ over seeds of gradientᵀ·∂value/∂w, for each of `wrt`.
 * @returns one value per `wrt`, of its shape; zeros where nothing depends on it
 * @throws {TypeError} naming an operation on the way that has no gradient, and why
 */
export function vectorJacobianProduct(seeds: readonly Seed[], wrt: readonly Value[]): Value[] {
  const order = topologicalOrder(seeds.map((seed) => seed.value));
  const wanted = new Set(wrt);
  /** Values on a path from `wrt`: the others need no gradient. */
  const active = new Set<Value>();
  for (const value of order)
    if (wanted.has(value) || value.inputs.some((input) => active.has(input))) active.add(value);

  const gradients = new Map<Value, Value>();
  const accumulate = (value: Value, gradient: Value): void => {
    if (!sameShape(value.shape, gradient.shape))
      throw new TypeError(
        `The gradient of a value of ${formatShape(value.shape)} (${value.op}) has shape ${formatShape(gradient.shape)}`,
      );
    const known = gradients.get(value);
    gradients.set(value, known ? add(known, gradient) : gradient);
  };
  for (const { value, gradient } of seeds) accumulate(value, gradient);

  for (const value of order.reverse()) {
    const dy = gradients.get(value);
    if (!dy || !active.has(value) || value.inputs.length === 0) continue;
    if (!value.inputs.some((input) => active.has(input))) continue;
    const rule = gradientRules[value.op] as GradientRule<OpType>;
    if (typeof rule === 'string') throw new TypeError(`${value.op} has no gradient: ${rule}`);
    const inputGradients = rule(value, dy);
    value.inputs.forEach((input, i) => {
      if (active.has(input)) accumulate(input, inputGradients[i]!());
    });
  }
  return wrt.map(
    (value) =>
      gradients.get(value) ??
      constant(value.shape, new Float32Array(value.shape.reduce((count, extent) => count * extent, 1))),
  );
}

/** Gradients of a scalar loss. @throws {TypeError} if it is no scalar, or as {@link vectorJacobianProduct} */
export function gradients(loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.length !== 0)
    throw new TypeError(`A loss is a scalar, not a tensor of ${formatShape(loss.shape)}: reduce it first`);
  return vectorJacobianProduct([{ value: loss, gradient: constant([], [1]) }], wrt);
}
