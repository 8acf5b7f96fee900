/** Formula weights of a set's networks, by the ranges that its JSON lists or by the rule. */
import { parametersOf } from '../../graph/graph.ts';
import type { BindParameter } from '../../graph/onnx/emit-model.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { elementCount, formatShape, sameShape } from '../../tensor/host-tensor.ts';
import { type FormulaRange, formulaRange, formulaWeight } from '../formula.ts';
import { type VerifyRow, verifyRow } from '../report.ts';
import type { MetricsSetJson } from './metrics-set.ts';

/** A tensor to be filled by formula. */
export interface FormulaTensor {
  /** `namespace/key` */
  readonly name: string;
  readonly shape: Shape;
  readonly range: FormulaRange;
}

/** Makes the values of tensors available to models: in memory, or in a file where they are many. */
export type BindFormula = (tensors: readonly FormulaTensor[]) => Promise<BindParameter>;

/** Every tensor is made when a model asks for it. */
export const bindInMemory: BindFormula = async (tensors) => {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return (name) => {
    const tensor = byName.get(name);
    if (!tensor) throw new TypeError(`Parameter ${name} is none of the reference's weights`);
    return { kind: 'inline', data: formulaWeight(name, tensor.shape, tensor.range) };
  };
};

/**
 * The weights that the graph of `outputs` needs.
 * @param unused keys that the set may list and the graph does not need
 * @throws {RangeError} if names or shapes are not the set's
 */
export function formulaTensors(
  { weights, weights_summary: summaries }: MetricsSetJson,
  outputs: Iterable<Value>,
  unused?: RegExp,
): FormulaTensor[] {
  const tensors = [...parametersOf(outputs)].map(([name, { shape }]): FormulaTensor => {
    const [namespace, key] = splitName(name);
    const listed = weights?.[namespace]?.[key] ?? summaries?.[namespace]?.departures[key];
    const known = listed !== undefined || summaries?.[namespace] !== undefined;
    if (!known) throw new RangeError(`Cannot verify: the reference lists no weight ${name}`);
    if (listed && !sameShape(listed[0], shape))
      throw new RangeError(
        `Cannot verify: ${name} is ${formatShape(listed[0])} in the reference, ${formatShape(shape)} in the network`,
      );
    return {
      name,
      shape,
      range: listed ? { offset: listed[1], scale: listed[2] } : formulaRange(name, shape),
    };
  });
  const namespaces = new Set(tensors.map(({ name }) => splitName(name)[0]));
  const needed = new Set(tensors.map(({ name }) => name));
  for (const namespace of namespaces) {
    const left = Object.keys(weights?.[namespace] ?? {}).filter(
      (key) => !needed.has(`${namespace}/${key}`) && !unused?.test(key),
    );
    if (left.length > 0)
      throw new RangeError(`Cannot verify: the network does not use ${namespace}/${left.join(', ')}`);
  }
  return tensors;
}

/** Whether the network has as many tensors and elements as the set says, and weights begin as it says. */
export function* verifyWeights(
  json: MetricsSetJson,
  tensors: readonly FormulaTensor[],
): Generator<VerifyRow> {
  for (const [namespace, { tensors: count, elements }] of Object.entries(json.weights_summary ?? {})) {
    const own = tensors.filter(({ name }) => splitName(name)[0] === namespace);
    const total = own.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    yield verifyRow(`${namespace}: tensors`, Math.abs(own.length - count), 0, 'absolute error');
    yield verifyRow(`${namespace}: elements`, Math.abs(total - elements), 0, 'absolute error');
  }
  for (const { name, shape, range } of tensors) {
    const first = json.weights_check[name];
    if (!first) continue;
    // Elements do not depend on how many there are.
    const values = formulaWeight(name, [Math.min(first.length, elementCount(shape))], range);
    const error = first.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0);
    yield verifyRow(`weight ${name}`, error, 0, 'absolute error');
  }
}

function splitName(name: string): [namespace: string, key: string] {
  const slash = name.indexOf('/');
  return [name.slice(0, slash), name.slice(slash + 1)];
}
