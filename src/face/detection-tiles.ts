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
  /** Sides of tiles are multiples of `step`, from `least` to `most`. */
  readonly step: number;
  readonly least: number;
  readonly most: number;
  /** By how much neighbours overlap at least. */
  readonly overlap: number;
  /** Size of the largest level over that of the photo. */
  readonly finestScale: number;
  /** The least longer side of a level. */
  readonly coarsestSide: number;
}

/** Below this longer side levels cost next to nothing, and lie closer: a blurred face is found at few sizes. */
const closeBelow = 512;

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
    const across = spreadTiles(width, options);
    const down = spreadTiles(height, options);
    return {
      width,
      height,
      tile: { width: across.side, height: down.side },
      places: down.starts.flatMap((y) => across.starts.map((x) => ({ x, y }))),
    };
  });
}

/** The fewest tiles that cover 0..length, no larger than they need to be, evenly spread. */
function spreadTiles(
  length: number,
  { step, least, most, overlap }: TileOptions,
): { side: number; starts: number[] } {
  const upToStep = (side: number): number => Math.max(least, Math.ceil(side / step) * step);
  if (length <= most) return { side: upToStep(length), starts: [0] };
  const count = Math.ceil((length - overlap) / (most - overlap));
  const side = upToStep((length + (count - 1) * overlap) / count);
  const starts = Array.from({ length: count }, (_, i) => Math.round((i * (length - side)) / (count - 1)));
  return { side, starts };
}
