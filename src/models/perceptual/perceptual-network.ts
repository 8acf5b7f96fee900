import type { BindParameter } from '../../graph/onnx/emit-model.ts';
import type { Value } from '../../graph/value.ts';

/** A frozen network whose features compare images. */
export interface PerceptualNetwork {
  readonly name: string;
  /**
   * How far two batches of images are apart, as the mean over the batch; differentiable.
   * @param a [B, 3, S, S] in [-1, 1]
   * @param b the same
   * @returns a scalar
   */
  distance(a: Value, b: Value): Value;
  /** Where the weights are, by the full names that `distance` gives its parameters. */
  readonly bind: BindParameter;
  /** Whether a parameter of this full name belongs to the network. */
  owns(parameter: string): boolean;
}
