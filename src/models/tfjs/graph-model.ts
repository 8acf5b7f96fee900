/** Graph models of TensorFlow.js as symbolic graphs: their topology is JSON, their weights are named tensors. */

import { z } from 'zod';
import { describeIssues } from '../../failure/schema-issues.ts';
import { parameter } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import { type GraphNode, graphNodeSchema, type Translated, withChannelsLast } from './translation.ts';
import { translationRule } from './translation-rules.ts';

const topologySchema = z.object({ node: z.array(graphNodeSchema) });

interface TfjsGraph {
  /** The outputs asked for, with their axes as the model has them. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** The values of the graph's parameters, by full name. */
  readonly weights: ReadonlyMap<string, HostTensor>;
}

/**
 * Builds what the given outputs need.
 * @param network prefix of the parameters' full names
 * @param topology `modelTopology` of the model's JSON
 * @param tensors the model's weights
 * @param inputs what stands for its placeholders, by name; images are [N, H, W, C]
 * @param outputs names of nodes
 * @throws {SyntaxError} if the topology has another form, or needs what is not there
 * @throws {TypeError} for an operation that cannot be translated
 */
export function buildTfjsGraph(
  network: string,
  topology: unknown,
  tensors: ReadonlyMap<string, HostTensor>,
  inputs: Readonly<Record<string, Value>>,
  outputs: readonly string[],
): TfjsGraph {
  const parsed = topologySchema.safeParse(topology);
  if (!parsed.success)
    throw new SyntaxError(`Cannot build ${network}: no graph model: ${describeIssues(parsed.error)}`, {
      cause: parsed.error,
    });
  const builder = new Builder(network, parsed.data.node, tensors, inputs);
  return {
    outputs: Object.fromEntries(outputs.map((name) => [name, withChannelsLast(builder.build(name))])),
    weights: builder.weights,
  };
}

class Builder {
  readonly weights = new Map<string, HostTensor>();
  readonly #network: string;
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #tensors: ReadonlyMap<string, HostTensor>;
  readonly #translated = new Map<string, Translated>();

  constructor(
    network: string,
    nodes: readonly GraphNode[],
    tensors: ReadonlyMap<string, HostTensor>,
    inputs: Readonly<Record<string, Value>>,
  ) {
    this.#network = network;
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
    this.#tensors = tensors;
    for (const [name, value] of Object.entries(inputs))
      this.#translated.set(name, { value, channelsFirst: false });
  }

  build(output: string): Translated {
    // Depth first without recursion: an untrusted file may nest as deep as it likes.
    const stack = [output];
    const open = new Set<string>();
    while (stack.length > 0) {
      const name = stack.at(-1)!;
      const node = this.#translated.has(name) ? undefined : this.#node(name);
      const inputs = node ? node.input.map((_, index) => this.#inputName(node, index)) : [];
      const missing = inputs.filter((input) => !this.#translated.has(input));
      if (node && missing.length > 0) {
        if (open.has(name)) throw this.#error(`node ${JSON.stringify(name)} needs itself`);
        open.add(name);
        stack.push(...missing);
        continue;
      }
      if (node) this.#translated.set(name, this.#translate(node));
      open.delete(name);
      stack.pop();
    }
    return this.#translated.get(output)!;
  }

  #translate(node: GraphNode): Translated {
    if (node.op === 'Const') {
      const tensor = this.#weight(node.name);
      const name = `${this.#network}/${node.name}`;
      this.weights.set(name, tensor);
      return { value: parameter(name, tensor.shape), channelsFirst: false };
    }
    const rule = translationRule(node.op);
    if (!rule)
      throw new TypeError(`Cannot build ${this.#network}: there is no rule for ${node.op} (${node.name})`);
    return rule({
      node,
      input: (index) => this.#translated.get(this.#inputName(node, index))!,
      weight: (index) => this.#weight(this.#inputName(node, index)),
    });
  }

  #node(name: string): GraphNode {
    const node = this.#nodes.get(name);
    if (!node) throw this.#error(`it has no node ${JSON.stringify(name)}`);
    return node;
  }

  #inputName(node: GraphNode, index: number): string {
    const name = node.input[index];
    if (name === undefined) throw this.#error(`${node.op} ${node.name} has no input ${index}`);
    return name.replace(/:0$/, '');
  }

  #weight(name: string): HostTensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw this.#error(`${JSON.stringify(name)} is not a weight`);
    return tensor;
  }

  #error(problem: string): SyntaxError {
    return new SyntaxError(`Cannot build ${this.#network}: ${problem}`);
  }
}
