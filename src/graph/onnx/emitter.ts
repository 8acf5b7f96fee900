import type { Shape } from '../value.ts';
import type { AttributeValue } from './proto.ts';

/** What an emission rule writes nodes and small constants to; names are the emitter's business. */
export interface Emitter {
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
