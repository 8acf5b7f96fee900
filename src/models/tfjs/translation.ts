/** What the translation of a TensorFlow.js graph is made of. */

import { z } from 'zod';
import { transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { formatShape, type HostTensor } from '../../tensor/host-tensor.ts';

const attributeSchema = z.object({
  /** Base64. */
  s: z.string().optional(),
  b: z.boolean().optional(),
  list: z.object({ i: z.array(z.coerce.number()).optional(), s: z.array(z.string()).optional() }).optional(),
});

/** A node of the topology, as its JSON has it. */
export const graphNodeSchema = z.object({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), attributeSchema).default({}),
});
export type GraphNode = z.infer<typeof graphNodeSchema>;

/** A tensor of the model. There channels come last; here they are second where a convolution left them there. */
export interface Translated {
  readonly value: Value;
  /** Whether a tensor [N, H, W, C] of the model is [N, C, H, W] here. */
  readonly channelsFirst: boolean;
}

/** What the rule of an operation can ask for. */
export interface Translation {
  readonly node: GraphNode;
  input(index: number): Translated;
  /** Input `index`, which must be a weight, as numbers. */
  weight(index: number): HostTensor;
}

/** The tensor as [N, C, H, W]. */
export function withChannelsFirst(tensor: Translated): Value {
  if (tensor.value.shape.length !== 4)
    throw new TypeError(`Cannot take ${formatShape(tensor.value.shape)} as images: they have four axes`);
  return tensor.channelsFirst ? tensor.value : transpose(tensor.value, [0, 3, 1, 2]);
}

/** The tensor with its axes as the model has them. */
export function withChannelsLast({ value, channelsFirst }: Translated): Value {
  return channelsFirst ? transpose(value, [0, 2, 3, 1]) : value;
}
