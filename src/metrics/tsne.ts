/**
 * t-distributed stochastic neighbour embedding (van der Maaten & Hinton 2008), exact: maps of up to a few thousand
 * points, with the details of scikit-learn's.
 */
const least = Number.EPSILON;
const entropyTolerance = 1e-5;
const mostBisections = 100;

/**
 * How likely any two of N points are neighbours: symmetric, summing to 1.
 * @param points [N, D], row by row
 * @param perplexity about how many neighbours a point has; below N
 * @returns [N, N], zeros on the diagonal
 * @throws {RangeError} for a perplexity that is not positive and below N
 */
export function neighbourProbabilities(
  points: Float32Array,
  count: number,
  perplexity: number,
): Float64Array {
  if (!(perplexity > 0 && perplexity < count))
    throw new RangeError(
      `Cannot take a perplexity of ${perplexity} over ${count} points: it must be below them`,
    );
  const distances = squaredDistances(points, count);
  const conditional = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    fillRow(conditional, distances.subarray(i * count, (i + 1) * count), i, Math.log(perplexity));
  const joint = new Float64Array(count * count);
  let sum = 0;
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++) {
      if (i === j) continue;
      joint[i * count + j] = conditional[i * count + j]! + conditional[j * count + i]!;
      sum += joint[i * count + j]!;
    }
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++)
      if (i !== j) joint[i * count + j] = Math.max(joint[i * count + j]! / Math.max(sum, least), least);
  return joint;
}

/** Row i of the conditional probabilities: a Gaussian as wide as gives the entropy that is wanted. */
function fillRow(conditional: Float64Array, distances: Float64Array, i: number, wanted: number): void {
  const count = distances.length;
  const row = conditional.subarray(i * count, (i + 1) * count);
  let beta = 1;
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let step = 0; step < mostBisections; step++) {
    let sum = 0;
    for (let j = 0; j < count; j++) {
      row[j] = j === i ? 0 : Math.exp(-distances[j]! * beta);
      sum += row[j]!;
    }
    if (sum === 0) sum = 1e-8;
    let weighted = 0;
    for (let j = 0; j < count; j++) {
      row[j]! /= sum;
      weighted += distances[j]! * row[j]!;
    }
    const excess = Math.log(sum) + beta * weighted - wanted;
    if (Math.abs(excess) <= entropyTolerance) return;
    if (excess > 0) {
      low = beta;
      beta = high === Number.POSITIVE_INFINITY ? beta * 2 : (beta + high) / 2;
    } else {
      high = beta;
      beta = low === Number.NEGATIVE_INFINITY ? beta / 2 : (beta + low) / 2;
    }
  }
}

function squaredDistances(points: ArrayLike<number>, count: number): Float64Array {
  const size = points.length / count;
  const distances = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (points[i * size + k]! - points[j * size + k]!) ** 2;
      distances[i * count + j] = sum;
      distances[j * count + i] = sum;
    }
  return distances;
}

/** How far a map is from the probabilities, and where it should move. */
export interface MapError {
  /** Kullback and Leibler's divergence. */
  readonly divergence: number;
  /** [N, 2] */
  readonly gradient: Float64Array;
}

/** @param map [N, 2], row by row */
export function mapError(probabilities: Float64Array, map: Float64Array): MapError {
  const count = map.length / 2;
  const closeness = squaredDistances(map, count).map((distance) => 1 / (1 + distance));
  let sum = 0;
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++) if (i !== j) sum += closeness[i * count + j]!;
  let divergence = 0;
  const gradient = new Float64Array(map.length);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++) {
      if (i === j) continue;
      const at = i * count + j;
      const p = probabilities[at]!;
      const q = Math.max(closeness[at]! / sum, least);
      divergence += p * Math.log(Math.max(p, least) / q);
      const pull = 4 * (p - q) * closeness[at]!;
      gradient[2 * i]! += pull * (map[2 * i]! - map[2 * j]!);
      gradient[2 * i + 1]! += pull * (map[2 * i + 1]! - map[2 * j + 1]!);
    }
  return { divergence, gradient };
}

export interface DescentOptions {
  readonly steps: number;
  readonly momentum: number;
  readonly learningRate: number;
  /** Probabilities are multiplied by this: points that belong together gather first. 1 unless given. */
  readonly exaggeration?: number;
}

const leastGain = 0.01;

/** Gradient descent with a gain for each coordinate, which grows while its direction stays. Returns a new map. */
export function descend(
  probabilities: Float64Array,
  map: Float64Array,
  { steps, momentum, learningRate, exaggeration = 1 }: DescentOptions,
): Float64Array {
  const exaggerated = exaggeration === 1 ? probabilities : probabilities.map((p) => p * exaggeration);
  const moved = Float64Array.from(map);
  const update = new Float64Array(map.length);
  const gains = new Float64Array(map.length).fill(1);
  for (let step = 0; step < steps; step++) {
    const { gradient } = mapError(exaggerated, moved);
    for (let i = 0; i < moved.length; i++) {
      const opposed = update[i]! * gradient[i]! < 0;
      gains[i] = Math.max(opposed ? gains[i]! + 0.2 : gains[i]! * 0.8, leastGain);
      update[i] = momentum * update[i]! - learningRate * gains[i]! * gradient[i]!;
      moved[i]! += update[i]!;
    }
  }
  return moved;
}
