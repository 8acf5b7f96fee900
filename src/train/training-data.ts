/** What the networks are trained on: batches of images, each a pure function of a seed and an iteration. */

import {
  type DegradationDraws,
  type DegradationPreset,
  degradationPresets,
  drawDegradation,
} from '../image/degradation.ts';
import { centerCrop, type SquareCrop } from '../image/square-crop.ts';
import { drawVariation, type VariationDraws, type VariationRanges } from '../image/variation.ts';
import { RandomStream } from '../random/random-stream.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';

/** Good images and the degraded ones made of them, both [batch, 3, size, size] in [-1, 1]. */
export interface TrainingBatch {
  readonly high: HostTensor;
  /** `high` itself where nothing is degraded */
  readonly low: HostTensor;
  /** the degraded pictures that `low` are cut from, [batch, 3, canvas, canvas], where the settings ask for them */
  readonly whole?: HostTensor;
}

/** Where a training run gets its batches. */
export interface TrainingData {
  /** how many images there are */
  readonly count: number;
  /**
   * The batch of an iteration: always the same one, whatever was asked for before.
   * @param iteration a whole number from 0
   * @throws {Error} naming the file, if an image cannot be read
   */
  batch(iteration: number): Promise<TrainingBatch>;
  close(): Promise<void>;
}

export interface TrainingDataSettings {
  /** as `RandomStream` takes it */
  readonly seed: number;
  /** side of the images of a batch in pixels */
  readonly size: number;
  /** images in a batch */
  readonly batch: number;
  /** whether every other image is flipped, left to right */
  readonly flip: boolean;
  /** what is seen of the largest square in the centre: all of it, or a random square within */
  readonly crop: 'center' | 'random';
  /** shortest and longest side of a random square as a share of the whole one's, 0..1 */
  readonly minCrop: number;
  readonly maxCrop: number;
  /**
   * side at which whole images are degraded before they are cropped and resized to `size`; the method's is 512.
   * Another one approximates it: see `scaleDegradation`
   */
  readonly canvas: number;
  /** whether batches have the whole degraded pictures too */
  readonly wholeContext?: boolean;
  /** null: `low` is `high` */
  readonly degradation: readonly DegradationShare[] | null;
  /** which images of every batch are made, where trainers share it; all unless given */
  readonly share?: { readonly first: number; readonly count: number } | undefined;
  /** how pictures are varied before they are degraded; not at all unless given */
  readonly variation?: VariationRanges | undefined;
}

/** A degradation and how often it is taken, in relation to the others. */
interface DegradationShare {
  readonly preset: DegradationPreset;
  readonly share: number;
}

/** Everything random about one image of a batch. */
export interface SamplePlan {
  /** which image, 0..count-1 */
  readonly image: number;
  readonly flip: boolean;
  readonly crop: SquareCrop;
  readonly degradation: DegradationDraws | null;
  /** null where the picture stays as it is */
  readonly variation: VariationDraws | null;
}

// The third number of a stream's key: what is drawn. Far from the small numbers of other draws of a run.
const ORDER = 0x6f_72_64_72;
const SAMPLE = 0x73_61_6d_70;

/**
 * Plans samples 0, 1, 2, … of a run. Every epoch takes each image once in an order of its own; batches run on
 * over the ends of epochs.
 */
export class TrainingPlan {
  readonly #settings: TrainingDataSettings;
  readonly #count: number;
  #order: { epoch: number; images: Uint32Array } | undefined;

  /**
   * @param count of images
   * @throws {RangeError} if there is none, or a setting is out of range
   */
  constructor(settings: TrainingDataSettings, count: number) {
    if (!isWhole(count, 1)) throw new RangeError(`Cannot train on ${count} images: at least one is needed`);
    checkSettings(settings);
    this.#settings = settings;
    this.#count = count;
  }

  /** @param iteration a whole number from 0 */
  batch(iteration: number): SamplePlan[] {
    const { batch } = this.#settings;
    if (!isWhole(iteration, 0) || (iteration + 1) * batch > 2 ** 32)
      throw new RangeError(
        `Cannot plan the batch of iteration ${iteration}: it must be a whole number from 0, of at most 2^32 samples before it`,
      );
    const { first, count } = this.#settings.share ?? { first: 0, count: batch };
    return Array.from({ length: count }, (_, i) => this.#sample(iteration * batch + first + i));
  }

  #sample(index: number): SamplePlan {
    const { seed, crop, minCrop, maxCrop, flip, degradation, variation } = this.#settings;
    const stream = new RandomStream(seed, [index, 0, SAMPLE]);
    // All are drawn whatever the settings, so that one setting does not change the draws of another.
    const flipped = stream.uniform() < 0.5;
    const random = {
      side: stream.uniformBetween(minCrop, maxCrop),
      left: stream.uniform(),
      top: stream.uniform(),
    };
    const choice = stream.uniform();
    const degraded = degradation && drawDegradation(stream, degradationPresets[choose(degradation, choice)]);
    return {
      image: this.#image(index),
      flip: flip && flipped,
      crop: crop === 'random' ? random : centerCrop,
      degradation: degraded,
      variation: variation ? drawVariation(stream, variation) : null,
    };
  }

  #image(index: number): number {
    const epoch = Math.floor(index / this.#count);
    if (this.#order?.epoch !== epoch)
      this.#order = {
        epoch,
        images: shuffle(this.#count, new RandomStream(this.#settings.seed, [epoch, 0, ORDER])),
      };
    return this.#order.images[index % this.#count]!;
  }
}

/** 0..count-1 in random order, each order equally likely (Fisher and Yates). */
function shuffle(count: number, stream: RandomStream): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = stream.integer(last + 1);
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
  return order;
}

/** @param choice 0..1 */
function choose(shares: readonly DegradationShare[], choice: number): DegradationPreset {
  let rest = choice * shares.reduce((sum, { share }) => sum + share, 0);
  for (const { preset, share } of shares) {
    rest -= share;
    if (rest < 0) return preset;
  }
  return shares.at(-1)!.preset;
}

function checkSettings(settings: TrainingDataSettings): void {
  const { size, batch, canvas, minCrop, maxCrop, degradation } = settings;
  for (const [name, value] of Object.entries({ size, batch, canvas }))
    if (!isWhole(value, 1))
      throw new RangeError(`Cannot make batches of ${name} ${value}: it must be a positive whole number`);
  if (!(minCrop > 0 && minCrop <= maxCrop && maxCrop <= 1))
    throw new RangeError(
      `Cannot crop images with minCrop ${minCrop} and maxCrop ${maxCrop}: they must lie in order above 0 and not above 1`,
    );
  if (!degradation) return;
  if (degradation.length === 0 || !degradation.every(({ share }) => share > 0 && Number.isFinite(share)))
    throw new RangeError('Cannot choose among degradations: each needs a positive share, and one is needed');
  if (canvas < size)
    throw new RangeError(
      `Cannot make images of ${size} pixels from ones degraded at ${canvas}: give a canvas of at least ${size}`,
    );
}

function isWhole(value: number, min: number): boolean {
  return Number.isSafeInteger(value) && value >= min;
}
