/**
 * Hoisting: splits a graph into what depends on chosen leaves only, computed once, and the rest. It takes work out
 * of the sampler's loop (what depends on the image but not on the step) and out of every run (what depends on weights
 * alone, such as transformed kernels).
 */
import { rewriteGraph, topologicalOrder } from '../graph.ts';
import type { OpType, Value } from '../value.ts';

/** Operations that only move or name data: not worth hoisting by themselves. */
const layout: ReadonlySet<OpType> = new Set(['Reshape', 'Transpose', 'Expand', 'Slice', 'Concat', 'Pad']);

interface Hoisted<Name extends string> {
  /** The graph's outputs, with leaves in place of what was hoisted. */
  readonly body: Record<Name, Value>;
  /** What was hoisted, by the name of the leaf that stands for it. */
  readonly hoisted: ReadonlyMap<string, Value>;
}

/**
 * @param isInvariant which leaves (inputs and parameters) do not change; constants never do
 * @param makeLeaf the leaf that stands for the `index`-th hoisted value
 */
export function hoist<Name extends string>(
  outputs: Readonly<Record<Name, Value>>,
  isInvariant: (leaf: Value) => boolean,
  makeLeaf: (value: Value, index: number) => Value<'Input'> | Value<'Parameter'>,
): Hoisted<Name> {
  const roots = Object.values<Value>(outputs);
  const order = topologicalOrder(roots);
  const invariant = new Set<Value>();
  const worthwhile = new Set<Value>();
  for (const value of order) {
    const leaf = value.inputs.length === 0;
    if (leaf ? value.op === 'Constant' || isInvariant(value) : value.inputs.every((i) => invariant.has(i)))
      invariant.add(value);
    if (!leaf && (!layout.has(value.op) || value.inputs.some((i) => worthwhile.has(i))))
      worthwhile.add(value);
  }
  const frontier = new Set<Value>();
  const consider = (value: Value): void => {
    if (invariant.has(value) && worthwhile.has(value)) frontier.add(value);
  };
  for (const value of order) if (!invariant.has(value)) for (const input of value.inputs) consider(input);
  for (const root of roots) consider(root);

  const hoisted = new Map<string, Value>();
  const body = rewriteGraph(outputs, (value) => {
    if (!frontier.has(value)) return undefined;
    const leaf = makeLeaf(value, hoisted.size);
    hoisted.set(leaf.attributes.name, value);
    return leaf;
  });
  return { body, hoisted };
}
