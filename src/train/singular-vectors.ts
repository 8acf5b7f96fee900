/** The singular vectors by which spectrally normalised weights are divided: Miyato et al. 2018, arXiv:1802.05957. */
import type { Shape } from '../graph/value.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { Tensors } from '../runtime/runtime.ts';
import { elementCount, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

/** Of one weight, by what is added to its name. */
const [left, right] = ['_u', '_v'];
/** Enough for vectors of new weights. */
const firstRounds = 15;
/** Keeps vectors of weights that are all zero finite. */
const leastLength = 1e-12;

interface SingularVectors {
  /** By full name, to be fed at every run and saved. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** Takes a step towards those of the largest singular values of weights as they are now. */
  follow(weights: Tensors, rounds?: number): void;
}

/** Whether a parameter is such a vector, and none that is trained. */
export const isSingularVector = (name: string): boolean => /\.weight_[uv]$/.test(name);

/**
 * @param shapes of all parameters of a network, by full name
 * @param weights of it, as they start
 */
export function singularVectors(
  shapes: ReadonlyMap<string, Shape>,
  weights: Tensors,
  seed: number,
): SingularVectors {
  const tensors = Object.fromEntries(
    [...shapes].filter(([name]) => isSingularVector(name)).map(([name, shape]) => [name, hostTensor(shape)]),
  );
  const normalised = Object.keys(weights).filter((name) => name + left in tensors);
  for (const [i, name] of normalised.entries())
    new RandomStream(seed, [i]).fillNormal(tensors[name + left]!.data);
  const vectors: SingularVectors = {
    tensors,
    follow(weights, rounds = 1) {
      for (const name of normalised)
        for (let i = 0; i < rounds; i++)
          iterate(weights[name]!, tensors[name + left]!.data, tensors[name + right]!.data);
    },
  };
  vectors.follow(weights, firstRounds);
  return vectors;
}

/** One round of the power iteration: v = Wᵀu, u = W·v, each made a unit vector. */
function iterate({ shape, data }: HostTensor, u: Float32Array, v: Float32Array): void {
  const columns = elementCount(shape.slice(1));
  v.fill(0);
  for (let row = 0; row < u.length; row++)
    for (let i = 0; i < columns; i++) v[i]! += u[row]! * data[row * columns + i]!;
  makeUnit(v);
  for (let row = 0; row < u.length; row++) {
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += v[i]! * data[row * columns + i]!;
    u[row] = sum;
  }
  makeUnit(u);
}

function makeUnit(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.max(Math.sqrt(squares), leastLength);
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
}
