/** Boxes of faces by a single-shot detector that looks at a photo at several scales. */

import type { Size } from '../image/resize.ts';
import {
  ssdAnchorKey,
  ssdImageSize,
  ssdLeastSide,
  ssdMaps,
  ssdSideStep,
} from '../models/ssd-mobilenet/ssd-mobilenet.ts';
import type { Session } from '../runtime/runtime.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { type DetectionLevel, planDetectionTiles, type TilePlace } from './detection-tiles.ts';
import type { FaceBox } from './face-detector.ts';
import type { ImagePyramid } from './image-pyramid.ts';
import type { ScoredBox } from './merge-boxes.ts';
import { type AnchorMap, anchorMaps, decodeSsdMap } from './ssd-boxes.ts';

/** Faces are found reliably from this size on, in pixels of a tile. */
export const smallestFoundFace = 28;
/** What is larger at one level is found whole at the next. */
const tileOverlap = 96;
/** Larger tiles overlap less, and take more memory. */
const largestTileArea = 1.2e6;
/** Of levels with a longer side the finest map is enough: what it does not show, the next level does. */
const finestMapOnly = 1024;
/** Strongly blurred faces that fill the photo are found where its longer side is so small, and only there. */
const coarsestSide = 72;
/** Boxes this close to a cut between tiles are parts of faces that another tile shows whole. */
const cutMargin = 3;

interface FindBoxesOptions {
  /** Longer side of the smallest face, in pixels of the photo. */
  readonly minSize: number;
  readonly minScore: number;
  readonly signal?: AbortSignal;
  /** @param fraction 0..1 of this call */
  readonly onProgress?: (fraction: number) => void;
}

export class SsdBoxFinder {
  readonly #whole: Session;
  readonly #loadFinest: () => Promise<Session>;
  #finest: Promise<Session> | undefined;
  readonly #maps: readonly AnchorMap[];

  /**
   * @param whole session of the network, for images of any size
   * @param loadFinest makes one that ends at the finest map, once a photo is large enough to need it
   * @param weights of the network: the anchors are among them
   */
  constructor(whole: Session, loadFinest: () => Promise<Session>, weights: ReadonlyMap<string, HostTensor>) {
    this.#whole = whole;
    this.#loadFinest = loadFinest;
    this.#maps = anchorMaps(weights.get(ssdAnchorKey)!.data, ssdImageSize, ssdMaps);
  }

  /**
   * Boxes in pixels of the photo, many of one face.
   * @param photo the size of what the pyramid shows
   */
  async find(pyramid: ImagePyramid, photo: Size, options: FindBoxesOptions): Promise<ScoredBox[]> {
    const { minSize, minScore, signal, onProgress } = options;
    const levels = planDetectionTiles(photo, {
      step: ssdSideStep,
      least: ssdLeastSide,
      mostArea: largestTileArea,
      overlap: tileOverlap,
      finestScale: Math.max(smallestFoundFace / minSize, enlargement(photo)),
      coarsestSide,
    });
    const tiles = levels.flatMap((level) => level.places.map((place) => ({ level, place })));
    const total = tiles.reduce((sum, { level: { tile } }) => sum + tile.width * tile.height, 0);
    const read = (index: number): HostTensor | undefined => {
      const { level, place } = tiles[index] ?? {};
      return level && place && pyramid.read(level, { ...place, ...level.tile });
    };
    const found: ScoredBox[] = [];
    let done = 0;
    let image = read(0);
    for (const [i, { level, place }] of tiles.entries()) {
      signal?.throwIfAborted();
      const finestOnly = Math.max(level.width, level.height) > finestMapOnly;
      const looking = this.#run(image!, minScore, finestOnly);
      // Meanwhile, where networks run in a thread of their own.
      image = read(i + 1);
      const boxes = (await looking).filter(({ box }) => !isCut(box, place, level));
      found.push(...boxes.map((scored) => placed(scored, place, level, photo)));
      done += level.tile.width * level.tile.height;
      onProgress?.(done / total);
    }
    return found;
  }

  async release(): Promise<void> {
    const finest = await this.#finest?.catch(() => undefined);
    await Promise.all([this.#whole.release(), finest?.release()]);
  }

  async #run(image: HostTensor, minScore: number, finestOnly: boolean): Promise<ScoredBox[]> {
    if (finestOnly) this.#finest ??= this.#loadFinest();
    const session = finestOnly ? await this.#finest! : this.#whole;
    const results = await session.run({ image });
    return this.#maps.flatMap((map, i) => {
      const computed = results[`map${i}`];
      return computed ? decodeSsdMap(computed, map, minScore) : [];
    });
  }
}

/** Small photos are looked at larger than they are: some faces are found at one of several sizes only. */
function enlargement({ width, height }: Size): number {
  return Math.min(2, 512 / Math.max(width, height));
}

/** Whether a box ends where the tile does and the photo does not. */
function isCut(
  { x, y, width, height }: FaceBox,
  place: TilePlace,
  { tile, ...level }: DetectionLevel,
): boolean {
  return (
    (x < cutMargin && place.x > 0) ||
    (y < cutMargin && place.y > 0) ||
    (x + width > tile.width - cutMargin && place.x + tile.width < level.width) ||
    (y + height > tile.height - cutMargin && place.y + tile.height < level.height)
  );
}

/** From pixels of a tile to pixels of the photo. */
function placed({ box, score }: ScoredBox, { x, y }: TilePlace, level: Size, photo: Size): ScoredBox {
  const [scaleX, scaleY] = [photo.width / level.width, photo.height / level.height];
  return {
    score,
    box: {
      x: (x + box.x) * scaleX,
      y: (y + box.y) * scaleY,
      width: box.width * scaleX,
      height: box.height * scaleY,
    },
  };
}
