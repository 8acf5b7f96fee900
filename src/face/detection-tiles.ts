/** Which parts of a photo a detector looks at, at which scales. */

import type { Size } from '../image/resize.ts';

/** Where a tile begins, in pixels of its level; it may reach beyond the level's right and lower end. */
export interface TilePlace {
  readonly x: number;
  readonly y: number;
}

/** The photo at one size, in tiles of one size. */
export interface DetectionLevel extends Size {
  readonly tile: Size;
  readonly places: readonly TilePlace[];
}

interface TileOptions {
  /** Sides of tiles are multiples of `step`, and no less than `least`. */
  readonly step: number;
  readonly least: number;
  /** The most pixels of a tile. */
  readonly mostArea: number;
  /** By how much neighbours overlap at least. */
  readonly overlap: number;
  /** Size of the largest level over that of the photo. */
  readonly finestScale: number;
  /** The least longer side of a level. */
  readonly coarsestSide: number;
}

/** Below this longer side levels cost next to nothing, and lie closer: a blurred face is found at few sizes. */
const closeBelow = 512;
/** Narrower tiles would mostly be overlap. */
const narrowestTile = 512;

/**
 * Levels from the smallest, which show strongly blurred faces, to the finest scale, each twice as large as the one
 * before, small ones √2 times. What is too large for the overlap of one level is found whole on a coarser one.
 */
export function planDetectionTiles(photo: Size, options: TileOptions): DetectionLevel[] {
  const longer = Math.max(photo.width, photo.height);
  const scales: number[] = [];
  let scale = options.finestScale;
  do {
    scales.unshift(scale);
    scale /= longer * scale > closeBelow ? 2 : Math.SQRT2;
  } while (longer * scale >= options.coarsestSide);
  return scales.map((factor) => {
    const width = Math.max(Math.round(photo.width * factor), 1);
    const height = Math.max(Math.round(photo.height * factor), 1);
    const { across, down } = leastTiles({ width, height }, options);
    return {
      width,
      height,
      tile: { width: across.side, height: down.side },
      places: down.starts.flatMap((y) => across.starts.map((x) => ({ x, y }))),
    };
  });
}

interface Spread {
  readonly side: number;
  readonly starts: readonly number[];
}

/** Of all grids of tiles that are not too large the one with the fewest pixels. */
function leastTiles({ width, height }: Size, options: TileOptions): { across: Spread; down: Spread } {
  const upTo = (length: number): number[] =>
    Array.from({ length: Math.ceil(length / narrowestTile) }, (_, i) => i + 1);
  const allAcross = upTo(width).map((count) => spreadTiles(width, count, options));
  const allDown = upTo(height).map((count) => spreadTiles(height, count, options));
  const grids = allAcross.flatMap((across) => allDown.map((down) => ({ across, down })));
  const tileArea = ({ across, down }: (typeof grids)[number]): number => across.side * down.side;
  const area = (grid: (typeof grids)[number]): number =>
    tileArea(grid) * grid.across.starts.length * grid.down.starts.length;
  const fitting = grids.filter((grid) => tileArea(grid) <= options.mostArea);
  return fitting.reduce((best, grid) => (area(grid) < area(best) ? grid : best));
}

/** So many tiles that cover 0..length, no larger than they need to be, evenly spread. */
function spreadTiles(length: number, count: number, { step, least, overlap }: TileOptions): Spread {
  const upToStep = (side: number): number => Math.max(least, Math.ceil(side / step) * step);
  if (count === 1) return { side: upToStep(length), starts: [0] };
  const side = upToStep((length + (count - 1) * overlap) / count);
  const starts = Array.from({ length: count }, (_, i) => Math.round((i * (length - side)) / (count - 1)));
  return { side, starts };
}
