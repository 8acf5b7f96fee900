/** What restoring has changed in a photo, face by face. */

import type { FaceBox } from '../../face/face-detector.ts';
import { type BytePixels, createPixels } from '../../image/pixels.ts';
import { cutPixels } from './regions.ts';

export interface ChangedRegion {
  readonly region: FaceBox;
  readonly pixels: BytePixels;
  /** 255 where the photo has changed */
  readonly alpha: BytePixels;
}

/**
 * Each changed pixel is of the face whose middle is nearest, as faces' sizes go.
 * @param result as large as the photo
 * @param boxes of at most 255 faces
 * @returns one a face; undefined where nothing of it has changed
 */
export function patchesBetween(
  photo: BytePixels,
  result: BytePixels,
  boxes: readonly FaceBox[],
): (ChangedRegion | undefined)[] {
  const { width, height } = photo;
  /** 1 for the first face; 0: unchanged */
  const owners = new Uint8Array(width * height);
  const edges = boxes.map(() => ({ left: width, top: height, right: 0, bottom: 0 }));
  for (let i = 0; i < owners.length; i++) {
    const at = 3 * i;
    if (
      photo.data[at] === result.data[at] &&
      photo.data[at + 1] === result.data[at + 1] &&
      photo.data[at + 2] === result.data[at + 2]
    )
      continue;
    const x = i % width;
    const y = Math.floor(i / width);
    const owner = nearest(x, y, boxes);
    owners[i] = owner + 1;
    const edge = edges[owner]!;
    edge.left = Math.min(edge.left, x);
    edge.right = Math.max(edge.right, x + 1);
    edge.top = Math.min(edge.top, y);
    edge.bottom = Math.max(edge.bottom, y + 1);
  }
  return edges.map(({ left, top, right, bottom }, face) => {
    if (right <= left) return undefined;
    const region = { x: left, y: top, width: right - left, height: bottom - top };
    const owned = cutPixels(createPixels(width, height, 1, owners), region);
    const alpha = createPixels(region.width, region.height, 1, owned.data);
    for (let i = 0; i < alpha.data.length; i++) alpha.data[i] = alpha.data[i] === face + 1 ? 255 : 0;
    return { region, pixels: cutPixels(result, region), alpha };
  });
}

function nearest(x: number, y: number, boxes: readonly FaceBox[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, box] of boxes.entries()) {
    const across = (x - box.x - box.width / 2) / box.width;
    const down = (y - box.y - box.height / 2) / box.height;
    const distance = across * across + down * down;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
