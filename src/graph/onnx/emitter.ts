import type { Shape } from '../value.ts';
import type { AttributeValue } from './proto.ts';

/** What an emission rule writes nodes and small constants to; names are the emitter's business. */
export interface Emitter {
  /**
   * Channels that stand side by side in the memory of an image where convolutions are fastest on this machine; undefined
   * leaves the layout of convolutions to the runtime, which sees to it only where weights are constant.
   */
  readonly convolutionBlock: number | undefined;
  /** Adds a node with one output and returns the output's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
    domain?: string,
  ): string;
  /** The name of a 1-d int64 constant. */
  integers(values: readonly number[]): string;
  /** The name of a float32 constant. */
  floats(shape: Shape, values: Float32Array): string;
}
