/** Which parts of a photo a detector of fixed input size looks at, at which scales. */

import type { Size } from '../image/resize.ts';

/** A square of a level; may reach beyond its right and lower end. */
export interface DetectionTile {
  /** in pixels of the level */
  readonly x: number;
  readonly y: number;
}

export interface DetectionLevel {
  /** size of the level over that of the photo */
  readonly scale: number;
  readonly width: number;
  readonly height: number;
  readonly tiles: readonly DetectionTile[];
}

export interface TileOptions {
  /** side of a tile */
  readonly tile: number;
  /** by how much neighbours overlap at least */
  readonly overlap: number;
  /** longer side of the largest level */
  readonly finestScale: number;
}

/**
 * Levels from a quarter of what fits one tile (blurred faces are found small) to the finest scale, each at most twice
 * as large as the one before. What is too large for the overlap of one level is found whole on a coarser one.
 */
export function planDetectionTiles(
  photo: Size,
  { tile, overlap, finestScale }: TileOptions,
): DetectionLevel[] {
  const longer = Math.max(photo.width, photo.height);
  const scales: number[] = [];
  for (let scale = finestScale; longer * scale > tile; scale /= 2) scales.unshift(scale);
  const whole = Math.min(tile / longer, scales[0] ?? finestScale);
  scales.unshift(whole / 4, whole / 2, whole);
  return scales.map((scale) => {
    const width = Math.max(Math.round(photo.width * scale), 1);
    const height = Math.max(Math.round(photo.height * scale), 1);
    const tiles = tileStarts(height, tile, overlap).flatMap((y) =>
      tileStarts(width, tile, overlap).map((x) => ({ x, y })),
    );
    return { scale, width, height, tiles };
  });
}

/** Evenly spread starts whose tiles cover 0..length. */
function tileStarts(length: number, tile: number, overlap: number): number[] {
  if (length <= tile) return [0];
  const count = Math.ceil((length - overlap) / (tile - overlap));
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - tile)) / (count - 1)));
}
