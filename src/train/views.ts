/** Images as perceptual networks see them: each time a little larger or smaller, elsewhere, and in another light. */
import { add, input, mul } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import type { RandomStream } from '../random/random-stream.ts';
import { hostTensor } from '../tensor/host-tensor.ts';
import { placement } from './placement.ts';
import type { StageGraph } from './stage-graph.ts';
import type { ViewSettings } from './train-config.ts';

const names = { contrast: 'view.contrast', light: 'view.light' };

/**
 * What lowers a frozen network's distance from one view alone is often a pattern that only this network sees; what
 * lowers it from all views is in the face. Restored and true images are shown alike, each micro-batch anew; validation
 * sees them as they are.
 */
export function varyViews(stage: StageGraph, settings: ViewSettings | undefined): StageGraph {
  if (!stage.images || !settings) return stage;
  const { place, feeds: placeFeeds } = placement('view', stage.images.restored.shape);
  const contrast = input(names.contrast, [1, 1, 1, 1]);
  const light = input(names.light, [1, 1, 1, 1]);
  const show = (image: Value): Value => add(mul(place(image), contrast), light);
  return {
    ...stage,
    views: { restored: show(stage.images.restored), truth: show(stage.images.truth) },
    feeds(images, streams, purpose) {
      const view = purpose === 'training' ? drawView(settings, streams[0]!) : plainView;
      return {
        ...stage.feeds(images, streams, purpose),
        ...placeFeeds(view.zoom, view.down, view.right),
        [names.contrast]: hostTensor([1, 1, 1, 1], Float32Array.of(view.contrast)),
        [names.light]: hostTensor([1, 1, 1, 1], Float32Array.of(view.light)),
      };
    },
  };
}

interface View {
  readonly zoom: number;
  /** In pixels. */
  readonly down: number;
  readonly right: number;
  readonly contrast: number;
  /** Added to values in [-1, 1]. */
  readonly light: number;
}

const plainView: View = { zoom: 1, down: 0, right: 0, contrast: 1, light: 0 };

function drawView({ zoom, translation, contrast, light }: ViewSettings, stream: RandomStream): View {
  const around = (centre: number, reach: number): number =>
    stream.uniformBetween(centre - reach, centre + reach);
  return {
    zoom: around(1, zoom),
    down: around(0, translation),
    right: around(0, translation),
    contrast: around(1, contrast),
    light: around(0, light),
  };
}
