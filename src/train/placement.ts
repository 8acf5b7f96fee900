/** Images enlarged about their middle and moved, by a matrix on either side that a run is fed anew. */
import { input, matmul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import type { Tensors } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

export interface Placement {
  /** @param image [B, C, H, W] */
  place(image: Value): Value;
  /**
   * What {@link Placement.place} is fed.
   * @param zoom by which images are enlarged; 1 leaves their size
   * @param down pixels, as `right`; whole ones at a zoom of 1 copy values, all else lies between them
   */
  feeds(zoom: number, down: number, right: number): Tensors;
}

/** @param name of what places, by which its inputs are told from others' */
export function placement(name: string, [, , height, width]: readonly number[]): Placement {
  const [rowsName, columnsName] = [`${name}.rows`, `${name}.columns`];
  const rows = input(rowsName, [height!, height!]);
  const columns = input(columnsName, [width!, width!]);
  return {
    place: (image) => matmul(matmul(rows, image), columns, { transB: true }),
    feeds: (zoom, down, right) => ({
      [rowsName]: placing(height!, zoom, down),
      [columnsName]: placing(width!, zoom, right),
    }),
  };
}

/**
 * The matrix [size, size] that enlarges a vector about its middle and then moves it by so many places, bilinearly; what
 * comes in repeats its end.
 */
function placing(size: number, zoom: number, places: number): HostTensor {
  const matrix = hostTensor([size, size]);
  const middle = (size - 1) / 2;
  for (let i = 0; i < size; i++) {
    const source = Math.min(size - 1, Math.max(0, (i - places - middle) / zoom + middle));
    const [before, share] = [Math.floor(source), source % 1];
    matrix.data[i * size + before] = 1 - share;
    if (share > 0) matrix.data[i * size + before + 1] = share;
  }
  return matrix;
}
