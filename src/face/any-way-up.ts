/** Faces of photos that lie on their side or upside down. */

import { type AffineMatrix, applyAffine, invertAffine, type Point } from '../image/geometry.ts';
import type { Pixels } from '../image/pixels.ts';
import { type QuarterTurns, turnMatrix, turnPixels } from '../image/quarter-turn.ts';
import { shrinkByBlocks } from '../image/warp-antialiased.ts';
import type { DetectedFace, DetectOptions, FaceBox, FaceDetector } from './face-detector.ts';
import { mergeFaces } from './merge-faces.ts';

export interface AnyWayUpOptions {
  /** A face with such a score says that the photo is upright. */
  readonly sureScore: number;
  /** Least score of a face in a photo that was turned: three more chances to see one where none is. */
  readonly turnedMinScore: number;
}

const otherWays: readonly QuarterTurns[] = [1, 3, 2];
/** Which part of the progress is the photo as it is. */
const uprightShare = 0.5;

/**
 * A detector that also looks at photos turned by quarters where it found nothing, or nothing that is sure. Each way is
 * tried at half the size first.
 */
export function anyWayUp(
  upright: FaceDetector,
  { sureScore, turnedMinScore }: AnyWayUpOptions,
): FaceDetector {
  return {
    name: upright.name,
    async detect(photo, options = {}) {
      const { onProgress } = options;
      const report = (from: number, share: number) => (fraction: number) =>
        onProgress?.(from + share * fraction);
      const found = await upright.detect(photo, { ...options, onProgress: report(0, uprightShare) });
      if (!found.some(({ score }) => score >= sureScore)) {
        const minScore = Math.max(options.minScore ?? 0, turnedMinScore);
        const share = (1 - uprightShare) / otherWays.length;
        for (const [i, turns] of otherWays.entries()) {
          const turned = { ...options, minScore, onProgress: report(uprightShare + i * share, share) };
          found.push(...(await detectTurned(upright, photo, turns, turned)));
        }
      }
      onProgress?.(1);
      return mergeFaces(found, options.maxFaces);
    },
    locate: (photo, box) => upright.locate(photo, box),
    release: () => upright.release(),
  };
}

async function detectTurned(
  detector: FaceDetector,
  photo: Pixels,
  turns: QuarterTurns,
  { minSize, ...options }: DetectOptions,
): Promise<DetectedFace[]> {
  const { width, height } = photo;
  if (Math.min(width, height) >= 2) {
    const half = shrinkByBlocks(photo, { x: 0, y: 0, width, height }, 2);
    const halfSize = minSize === undefined ? undefined : minSize / 2;
    const rough = await detector.detect(turnPixels(half, turns), { ...options, minSize: halfSize });
    if (rough.length === 0) return [];
  }
  const faces = await detector.detect(turnPixels(photo, turns), { ...options, minSize });
  const toPhoto = invertAffine(turnMatrix(photo, turns));
  return faces.map((face) => placed(face, toPhoto));
}

function placed(face: DetectedFace, matrix: AffineMatrix): DetectedFace {
  const points = (list: readonly Point[]): Point[] => list.map((point) => applyAffine(matrix, point));
  return {
    ...face,
    box: placedBox(face.box, matrix),
    landmarks: points(face.landmarks),
    ...(face.outline && { outline: points(face.outline) }),
  };
}

/** A box turned by quarters is a box. */
function placedBox({ x, y, width, height }: FaceBox, matrix: AffineMatrix): FaceBox {
  const [ax, ay] = applyAffine(matrix, [x, y]);
  const [bx, by] = applyAffine(matrix, [x + width, y + height]);
  return { x: Math.min(ax, bx), y: Math.min(ay, by), width: Math.abs(bx - ax), height: Math.abs(by - ay) };
}
