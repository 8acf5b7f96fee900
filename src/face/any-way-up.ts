/** Faces of photos that lie on their side or upside down. */

import { type AffineMatrix, applyAffine, invertAffine, type Point } from '../image/geometry.ts';
import type { Pixels } from '../image/pixels.ts';
import { type QuarterTurns, turnMatrix, turnPixels } from '../image/quarter-turn.ts';
import { shrinkByBlocks } from '../image/warp-antialiased.ts';
import type { DetectedFace, DetectOptions, FaceBox, FaceDetector } from './face-detector.ts';
import { mergeFaces } from './merge-faces.ts';

/** A detector of upright faces. */
export interface UprightDetector extends Omit<FaceDetector, 'detect'> {
  look(photo: Pixels, options: DetectOptions): Promise<UprightFaces>;
}

export interface UprightFaces {
  readonly faces: readonly DetectedFace[];
  /** Whether the photo may lie on its side or upside down. */
  readonly doubtful: boolean;
}

const otherWays: readonly QuarterTurns[] = [1, 3, 2];
/** Which part of the progress is the photo as it is. */
const uprightShare = 0.5;

/**
 * A detector that also looks at the photo turned by quarters where what it found leaves doubt. Each way is tried at
 * half the size first.
 * @param turnedMinScore least score of a face then: there are three more chances to see one where none is
 */
export function anyWayUp(upright: UprightDetector, turnedMinScore: number): FaceDetector {
  return {
    name: upright.name,
    async detect(photo, options = {}) {
      const { onProgress } = options;
      const report = (from: number, share: number) => (fraction: number) =>
        onProgress?.(from + share * fraction);
      const { faces, doubtful } = await upright.look(photo, {
        ...options,
        onProgress: report(0, uprightShare),
      });
      const found = [...faces];
      if (doubtful) {
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
  detector: UprightDetector,
  photo: Pixels,
  turns: QuarterTurns,
  { minSize, ...options }: DetectOptions,
): Promise<DetectedFace[]> {
  const { width, height } = photo;
  if (Math.min(width, height) >= 2) {
    const half = shrinkByBlocks(photo, { x: 0, y: 0, width, height }, 2);
    const halfSize = minSize === undefined ? undefined : minSize / 2;
    const rough = await detector.look(turnPixels(half, turns), { ...options, minSize: halfSize });
    if (rough.faces.length === 0) return [];
  }
  const { faces } = await detector.look(turnPixels(photo, turns), { ...options, minSize });
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
