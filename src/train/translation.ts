/** Images as the networks of losses see them: moved by a few pixels, anew for every micro-batch. */
import { placement } from './placement.ts';
import type { StageGraph } from './stage-graph.ts';

/**
 * A network whose layers skip positions has a gradient with their grid, and what learns from it draws that grid.
 * Where restored and true images are moved together, by whole pixels, every position is met in every phase.
 * @param reach pixels, at most, up or down and left or right; validation moves nothing
 */
export function translateSeen(stage: StageGraph, reach: number): StageGraph {
  if (!stage.images || reach === 0) return stage;
  const { place, feeds: placeFeeds } = placement('translation', stage.images.restored.shape);
  return {
    ...stage,
    seen: { restored: place(stage.images.restored), truth: place(stage.images.truth) },
    feeds(images, streams, purpose) {
      const feeds = stage.feeds(images, streams, purpose);
      const draw = (): number => (purpose === 'training' ? streams[0]!.integer(2 * reach + 1) - reach : 0);
      const [down, right] = [draw(), draw()];
      return { ...feeds, ...placeFeeds(1, down, right) };
    },
  };
}
