/** Which graphs compute the same for images of any height and width, once they are written for one. */
import { topologicalOrder } from '../graph.ts';
import { isOp, type OpType, type Shape, type Value } from '../value.ts';

/** What stands in a shape for an extent that each run may choose anew. */
export const openExtent = -1;

/** [N, C, H, W] with H and W open. */
export function withOpenSides(shape: Shape): Shape {
  return [...shape.slice(0, -2), openExtent, openExtent];
}

/** Operations whose attributes hold no size of the image they are given. */
const anySize: ReadonlySet<OpType> = new Set([
  'Conv',
  'Clip',
  'Relu',
  'LeakyRelu',
  'Sigmoid',
  'Silu',
  'Add',
  'Sub',
  'Mul',
  'Div',
]);

/**
 * @throws {TypeError} if an operation on the way from an input to an output depends on the size of its image
 */
export function requireAnySize(outputs: readonly Value[]): void {
  const images = new Set<Value>();
  for (const value of topologicalOrder(outputs)) {
    const depends = isOp(value, 'Input') || value.inputs.some((input) => images.has(input));
    if (!depends) continue;
    images.add(value);
    const others = value.inputs.filter((input) => !images.has(input));
    const fixed = !isOp(value, 'Conv') && others.some(({ shape }) => shape.slice(-2).some((n) => n !== 1));
    if (!isOp(value, 'Input') && (fixed || !anySize.has(value.op)))
      throw new TypeError(`Cannot leave the sides of images open: ${value.op} is written for one size`);
  }
}
