/** Images in host memory: interleaved rows of 8-bit or float32 values in 0..255. */

/** Gray, RGB, or RGB with alpha. */
export type ChannelCount = 1 | 3 | 4;

/**
 * An image, row by row from the top, the channels of a pixel side by side.
 * Values are 0..255 in either kind of data; floats may lie between whole numbers and outside the range.
 */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: ChannelCount;
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
}

/** An image of float32 values. */
export interface FloatPixels extends Pixels {
  readonly data: Float32Array;
}

/** An image of 8-bit values. */
export interface BytePixels extends Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * An image over `data`, without a copy.
 * @throws {RangeError} if a side is not a positive integer, or `data` does not hold exactly the image
 */
export function createPixels<Data extends Pixels['data']>(
  width: number,
  height: number,
  channels: ChannelCount,
  data: Data,
): Pixels & { readonly data: Data } {
  checkSize(width, height);
  const count = width * height * channels;
  if (data.length !== count)
    throw new RangeError(
      `Cannot make an image of ${width} x ${height} with ${channels} channels: it has ${count} values, the data ${data.length}`,
    );
  return { width, height, channels, data };
}

/** @throws {RangeError} if a side is not a positive integer */
export function checkSize(width: number, height: number): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw new RangeError(
      `Cannot make an image of ${width} x ${height}: both sides must be positive integers`,
    );
}

/** Whether the image holds bytes rather than floats. */
export function isBytePixels(pixels: Pixels): pixels is BytePixels {
  return !(pixels.data instanceof Float32Array);
}

/** The image as floats; the image itself if it already is. */
export function toFloatPixels(pixels: Pixels): FloatPixels {
  if (!isBytePixels(pixels)) return pixels as FloatPixels;
  return { ...pixels, data: new Float32Array(pixels.data) };
}

/** The image as bytes: clamped to 0..255 and rounded half to even; the image itself if it already is. */
export function toBytePixels(pixels: Pixels): BytePixels {
  if (isBytePixels(pixels)) return pixels;
  return { ...pixels, data: toBytes(pixels.data) };
}

/** Clamps to 0..255 and rounds half to even, as NumPy and OpenCV do; NaN becomes 0. */
export function toBytes(values: ArrayLike<number>): Uint8Array {
  // A clamped array does exactly this when it is written to.
  return new Uint8Array(new Uint8ClampedArray(values).buffer);
}
