/** What can be asked of a photo's restoration. */

import type { FaceDescriber } from '../../face/face-describer.ts';
import type { FaceParser } from '../../face/face-parser.ts';
import type { Pixels } from '../../image/pixels.ts';
import type { ResizeMethod } from '../../image/resize.ts';
import type { RestoreOptions } from '../restorer.ts';

/**
 * - `auto`: faces of a gray photo become gray, others as the model makes them.
 * - `keep`: the model gives the light, the photo the colours.
 * - `gray`: the whole photo becomes gray.
 * - `colorize`: the model sees every face without colour, sharp ones too, and gives its own; for colorization weights.
 */
export type PhotoColor = 'auto' | 'keep' | 'gray' | 'colorize';

/** Makes a photo larger. */
export type Enlarge = (photo: Pixels) => Promise<Pixels>;

/** How restored faces are laid into the photo: can be changed without any network's work. */
export interface LayOptions {
  /** 0 leaves the face as it is, 1 (default) replaces it. */
  readonly strength?: number;
  /** Sides of the result over those of the photo; 1 unless given. */
  readonly upscale?: number;
  /** What enlarges the photo; `lanczos` unless given. */
  readonly background?: ResizeMethod | Enlarge;
  readonly color?: PhotoColor;
}

/** How faces are restored, beside what is asked of the model. */
export interface FaceOptions extends RestoreOptions, Pick<LayOptions, 'strength' | 'upscale' | 'color'> {
  /** Also restore faces that are as sharp as the model's output, or as what it makes of them. */
  readonly force?: boolean;
  /** Tells which part of a face is pasted; a mask drawn around the landmarks unless given. */
  readonly parser?: FaceParser;
  /**
   * One channel, as large as the photo, above 0 where it is to be filled in: the model sees white there, and nothing
   * else of a face is replaced. For inpainting weights.
   */
  readonly paint?: Pixels;
  /**
   * Measures how far each face is from the person it was, at `strength`; not where it is filled in. One that is still
   * being loaded holds up no face.
   */
  readonly describer?: FaceDescriber | Promise<FaceDescriber | undefined>;
}

export interface PhotoOptions extends FaceOptions, LayOptions {}

/** @throws {RangeError} for a strength outside 0..1, an upscale below 1, or paint of another size than the photo */
export function checkPhotoOptions(
  photo: Pixels,
  { strength = 1, upscale = 1, paint }: Pick<PhotoOptions, 'strength' | 'upscale' | 'paint'>,
): void {
  if (!(strength >= 0 && strength <= 1))
    throw new RangeError(`Cannot restore with strength ${strength}: it is from 0 to 1`);
  if (!(Number.isInteger(upscale) && upscale >= 1))
    throw new RangeError(`Cannot enlarge a photo ${upscale} times: a whole number from 1 on is needed`);
  if (paint && (paint.channels !== 1 || paint.width !== photo.width || paint.height !== photo.height))
    throw new RangeError(
      `Cannot fill in a photo of ${photo.width} x ${photo.height} by paint of ${paint.width} x ${paint.height} with ${paint.channels} channels`,
    );
}
