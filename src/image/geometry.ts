/** Similarity transforms between a photo and the aligned square that a face is restored in. */

export type Point = readonly [x: number, y: number];

/** Rows (a, b, c), (d, e, f): x' = a x + b y + c, y' = d x + e y + f. */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Where the eyes, the nose and the corners of the mouth lie in an aligned face of 512 x 512 pixels. */
export const FACE_TEMPLATE_512: readonly Point[] = [
  [192.98138, 239.94708],
  [318.90277, 240.1936],
  [256.63416, 314.01935],
  [201.26117, 371.41043],
  [313.08905, 371.15118],
];

/** The point that a matrix takes `point` to. */
export function applyAffine([a, b, c, d, e, f]: AffineMatrix, [x, y]: Point): Point {
  return [a * x + b * y + c, d * x + e * y + f];
}

/**
 * The inverse transform.
 * @throws {RangeError} if there is none
 */
export function invertAffine(matrix: AffineMatrix): AffineMatrix {
  const [a, b, c, d, e, f] = matrix;
  const reciprocal = 1 / (a * e - b * d);
  if (!Number.isFinite(reciprocal))
    throw new RangeError(`Cannot invert the transform [${matrix.join(', ')}]: it flattens the plane`);
  const [ia, ib, id, ie] = [e * reciprocal, -b * reciprocal, -d * reciprocal, a * reciprocal];
  return [ia, ib, -ia * c - ib * f, id, ie, -id * c - ie * f];
}

/**
 * The pairs of points that the least-median search looks at. OpenCV draws its pairs with a generator of fixed
 * seed; for five points and its 99 % confidence that is always these six, in this order.
 */
const SAMPLED_PAIRS = [
  [0, 4],
  [0, 3],
  [1, 2],
  [1, 0],
  [1, 4],
  [3, 1],
] as const;

/**
 * The similarity transform (rotation, scale, shift) from five points to five others, robust against outliers:
 * least median of squares over pairs of points, then least squares over the points that fit the best pair.
 * The same as OpenCV's `estimateAffinePartial2D` with `LMEDS`, which takes points in float32.
 * @throws {RangeError} if there are not five points on each side, or the points tried coincide
 */
export function estimateSimilarityLmeds(from: readonly Point[], to: readonly Point[]): AffineMatrix {
  if (from.length !== 5 || to.length !== 5)
    throw new RangeError(
      `Cannot align ${from.length} points with ${to.length}: expected five landmarks on each side`,
    );
  const [source, target] = [from.map(toFloat32), to.map(toFloat32)];
  let bestMedian = Number.POSITIVE_INFINITY;
  let bestErrors: readonly number[] = [];
  for (const pair of SAMPLED_PAIRS) {
    const errors = squaredErrors(fitSimilarity(source, target, pair), source, target);
    const median = [...errors].sort((p, q) => p - q)[2]!;
    if (median < bestMedian) {
      bestMedian = median;
      bestErrors = errors;
    }
  }
  if (bestErrors.length === 0)
    throw new RangeError(`Cannot align the points ${JSON.stringify(from)}: they coincide or are not finite`);
  // Rousseeuw's robust standard deviation for n = 5 points and 2 of them sampled, times 2.5.
  const limit = Math.max(0.001, 2.5 * 1.4826 * (1 + 5 / (5 - 2)) * Math.sqrt(bestMedian));
  const inliers = [0, 1, 2, 3, 4].filter((i) => bestErrors[i]! <= limit * limit);
  return fitSimilarity(source, target, inliers);
}

function toFloat32([x, y]: Point): Point {
  return [Math.fround(x), Math.fround(y)];
}

/** Least squares over the chosen points; not finite where they coincide. */
function fitSimilarity(
  from: readonly Point[],
  to: readonly Point[],
  chosen: readonly number[],
): AffineMatrix {
  const [fromX, fromY] = centroid(from, chosen);
  const [toX, toY] = centroid(to, chosen);
  let squares = 0;
  let dot = 0;
  let cross = 0;
  for (const i of chosen) {
    const [x, y] = [from[i]![0] - fromX, from[i]![1] - fromY];
    const [u, v] = [to[i]![0] - toX, to[i]![1] - toY];
    squares += x * x + y * y;
    dot += x * u + y * v;
    cross += x * v - y * u;
  }
  const cos = dot / squares;
  const sin = cross / squares;
  return [cos, -sin, toX - cos * fromX + sin * fromY, sin, cos, toY - sin * fromX - cos * fromY];
}

function centroid(points: readonly Point[], chosen: readonly number[]): Point {
  let [x, y] = [0, 0];
  for (const i of chosen) {
    x += points[i]![0] / chosen.length;
    y += points[i]![1] / chosen.length;
  }
  return [x, y];
}

function squaredErrors(matrix: AffineMatrix, from: readonly Point[], to: readonly Point[]): number[] {
  return from.map((point, i) => {
    const [x, y] = applyAffine(matrix, point);
    return (x - to[i]![0]) ** 2 + (y - to[i]![1]) ** 2;
  });
}
