/** Images as the networks of losses see them: moved by a few pixels, anew for every micro-batch. */
import { input, matmul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';
import type { StageGraph } from './stage-graph.ts';

/**
 * A network whose layers skip positions has a gradient with their grid, and what learns from it draws that grid.
 * Where restored and true images are moved together, by whole pixels, every position is met in every phase.
 * @param reach pixels, at most, up or down and left or right; validation moves nothing
 */
export function translateSeen(stage: StageGraph, reach: number): StageGraph {
  if (!stage.images || reach === 0) return stage;
  const [, , height, width] = stage.images.restored.shape as [number, number, number, number];
  const rows = input('translation.rows', [height, height]);
  const columns = input('translation.columns', [width, width]);
  const move = (image: Value): Value => matmul(matmul(rows, image), columns, { transB: true });
  return {
    ...stage,
    seen: { restored: move(stage.images.restored), truth: move(stage.images.truth) },
    feeds(images, streams, purpose) {
      const feeds = stage.feeds(images, streams, purpose);
      const draw = (): number => (purpose === 'training' ? streams[0]!.integer(2 * reach + 1) - reach : 0);
      const [down, right] = [draw(), draw()];
      return {
        ...feeds,
        'translation.rows': translation(height, down),
        'translation.columns': translation(width, right),
      };
    },
  };
}

/** The matrix [size, size] that moves a vector by so many places; what comes in repeats its end. */
function translation(size: number, places: number): HostTensor {
  const matrix = hostTensor([size, size]);
  for (let i = 0; i < size; i++) matrix.data[i * size + Math.min(size - 1, Math.max(0, i - places))] = 1;
  return matrix;
}
