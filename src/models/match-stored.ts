import { parametersOf } from '../graph/graph.ts';
import type { BindParameter } from '../graph/onnx/emit-model.ts';
import type { Shape, Value } from '../graph/value.ts';
import { prefixOf } from '../nn/parameter-scope.ts';
import {
  bindWeights,
  compareWeights,
  requireMatch,
  type StoredTensors,
  type WeightRules,
} from './network-weights.ts';

/** Tensors of one network, and what their file is called in errors. */
export interface StoredNetwork {
  readonly tensors: StoredTensors;
  readonly file: string;
}

/**
 * Finds the weights of one network of a graph.
 * @param outputs of the graph
 * @param prefix of the network's parameters' full names
 * @param network in words, for errors
 * @param rules how the file may differ; an expression: tensors that it may hold and the graph does not need
 * @throws {CheckpointError} that lists what is missing, unexpected or misshapen
 */
export async function matchStored(
  outputs: Iterable<Value>,
  prefix: string,
  { tensors, file }: StoredNetwork,
  network: string,
  rules: RegExp | WeightRules = {},
): Promise<BindParameter> {
  const declared = new Map(
    [...parametersOf(outputs)]
      .filter(([name]) => prefixOf(name) === prefix)
      .map(([name, { shape }]) => [name, shape]),
  );
  const comparison = compareWeights(declared, tensors, rules instanceof RegExp ? { unused: rules } : rules);
  requireMatch(comparison, network, file);
  return bindWeights(comparison.matched);
}

/** How many parts a list of layers has, by keys such as `body.12.weight`: a file can name no more than it holds. */
export function countParts(keys: Iterable<string>, list: string): number {
  const start = `${list}.`;
  const numbers = [...keys]
    .filter((key) => key.startsWith(start))
    .map((key) => key.slice(start.length).split('.', 1)[0]);
  return new Set(numbers).size;
}

/** Shapes by checkpoint key, to read a network's sizes off. */
export function shapesOf({ tensors }: Pick<StoredNetwork, 'tensors'>): Map<string, Shape> {
  return new Map([...tensors].map(([key, { entry }]) => [key, entry.shape]));
}
