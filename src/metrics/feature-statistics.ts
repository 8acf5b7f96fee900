import { formatShape, type HostTensor } from '../tensor/host-tensor.ts';
import { addProductTransposed } from './matrix-product.ts';

/** Vectors taken into the covariance at a time. */
const chunk = 256;

/** Mean and covariance of a set of feature vectors. */
export interface FeatureStatistics {
  /** [D] */
  readonly mean: Float64Array;
  /** [D, D], row by row, symmetric; unbiased. */
  readonly covariance: Float64Array;
}

/** Mean and covariance of so few vectors that a factor of the covariance is smaller. */
export interface FactoredStatistics {
  /** [D] */
  readonly mean: Float64Array;
  /** [N, D]: A with Aᵀ A = C, which the vectors less their mean over √(N - 1) are. */
  readonly factor: Float64Array;
}

/** What a Fréchet distance is taken of. */
export type SetStatistics = FeatureStatistics | FactoredStatistics;

/**
 * Takes in feature vectors one after another. Up to as many vectors as they have numbers are kept; of more their sums
 * and products alone, so that any number of them takes no more memory than a covariance.
 */
export class FeatureGatherer {
  #count = 0;
  readonly #kept: Float32Array[] = [];
  #sums: ProductSums | undefined;

  get count(): number {
    return this.#count;
  }

  /** @throws {RangeError} if it is of another length than those before */
  add(vector: Float32Array): void {
    const size = this.#kept[0]?.length ?? this.#sums?.size ?? vector.length;
    if (vector.length !== size)
      throw new RangeError(
        `Cannot compare sets of feature vectors of ${size} and ${vector.length} numbers: all need one length`,
      );
    this.#count++;
    if (this.#sums) this.#sums.add(vector);
    else if (this.#kept.push(vector.slice()) > size) this.#fold();
  }

  /** In the smaller form. @throws {RangeError} if there are fewer than two vectors */
  statistics(): SetStatistics {
    this.#requireTwo();
    return this.#sums ? this.#sums.statistics(this.#count) : factored(this.#kept);
  }

  /** With the covariance itself. @throws {RangeError} if there are fewer than two vectors */
  covariance(): FeatureStatistics {
    this.#requireTwo();
    return (this.#sums ?? this.#fold()).statistics(this.#count);
  }

  #fold(): ProductSums {
    const sums = new ProductSums(meanOf(this.#kept));
    for (const vector of this.#kept.splice(0)) sums.add(vector);
    this.#sums = sums;
    return sums;
  }

  #requireTwo(): void {
    if (this.#count < 2)
      throw new RangeError(
        `Cannot take the statistics of ${this.#count} feature vectors: two are the fewest that have a covariance`,
      );
  }
}

/**
 * @param features [N, D], N >= 2
 * @throws {RangeError} if there are fewer than two vectors
 */
export function featureStatistics(features: HostTensor): FeatureStatistics {
  const [count = 0, size = 0] = features.shape;
  if (features.shape.length !== 2 || count < 2)
    throw new RangeError(
      `Cannot take the statistics of features of shape ${formatShape(features.shape)}: expected [N, D] with N >= 2`,
    );
  const gatherer = new FeatureGatherer();
  for (let n = 0; n < count; n++) gatherer.add(features.data.subarray(n * size, (n + 1) * size));
  return gatherer.covariance();
}

/** The statistics of vectors that are all there. @throws {RangeError} for fewer than two, or of several lengths */
export function statisticsOf(vectors: Iterable<Float32Array>): SetStatistics {
  const gatherer = new FeatureGatherer();
  for (const vector of vectors) gatherer.add(vector);
  return gatherer.statistics();
}

function meanOf(vectors: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(vectors[0]!.length);
  for (const vector of vectors) for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]! / vectors.length;
  return mean;
}

function factored(vectors: readonly Float32Array[]): FactoredStatistics {
  const mean = meanOf(vectors);
  const scale = 1 / Math.sqrt(vectors.length - 1);
  const factor = new Float64Array(vectors.length * mean.length);
  for (const [n, vector] of vectors.entries())
    for (let i = 0; i < mean.length; i++) factor[n * mean.length + i] = (vector[i]! - mean[i]!) * scale;
  return { mean, factor };
}

/** Sums and products of vectors less `origin`: near their mean, little of the products cancels. */
class ProductSums {
  readonly size: number;
  readonly #origin: Float64Array;
  readonly #sums: Float64Array;
  /** [D, D], upper triangle */
  readonly #products: Float64Array;
  /** [D, chunk]: vectors whose products are not added yet */
  readonly #waiting: Float64Array;
  #waitingCount = 0;

  constructor(origin: Float64Array) {
    this.size = origin.length;
    this.#origin = origin;
    this.#sums = new Float64Array(this.size);
    this.#products = new Float64Array(this.size ** 2);
    this.#waiting = new Float64Array(this.size * chunk);
  }

  add(vector: Float32Array): void {
    for (let i = 0; i < this.size; i++) {
      const value = vector[i]! - this.#origin[i]!;
      this.#sums[i]! += value;
      this.#waiting[i * chunk + this.#waitingCount] = value;
    }
    if (++this.#waitingCount === chunk) this.#addProducts();
  }

  /** @param count of the vectors that were added */
  statistics(count: number): FeatureStatistics {
    this.#addProducts();
    const { size } = this;
    const mean = this.#origin.map((value, i) => value + this.#sums[i]! / count);
    const covariance = new Float64Array(size ** 2);
    for (let i = 0; i < size; i++)
      for (let j = i; j < size; j++) {
        const centred = this.#products[i * size + j]! - (this.#sums[i]! * this.#sums[j]!) / count;
        covariance[i * size + j] = centred / (count - 1);
        covariance[j * size + i] = centred / (count - 1);
      }
    return { mean, covariance };
  }

  #addProducts(): void {
    if (this.#waitingCount === 0) return;
    const { size } = this;
    const waiting = { data: this.#waiting, rows: size, columns: this.#waitingCount, stride: chunk };
    const products = { data: this.#products, rows: size, columns: size };
    addProductTransposed(products, waiting, waiting, { upper: true });
    this.#waitingCount = 0;
  }
}
