/** Pictures of any size and shape as the square that a model restores, and back. */

import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

/** 8-bit samples, interleaved, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** A part of a picture, in pixels. */
export interface PixelWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface SquareFace {
  /** size × size */
  readonly square: Pixels;
  /** where in the square the picture is; the rest repeats its edge */
  readonly window: PixelWindow;
}

/** A longer picture is no face. */
const largestAspect = 2;

/**
 * Fits a picture into a square: the longer side takes all of it, the other keeps its proportion and is centred,
 * between repetitions of the outermost pixels. A square picture is only resized.
 * @throws {RangeError} if one side is more than twice the other
 */
export function toSquareFace(pixels: Pixels, size: number): SquareFace {
  const longer = Math.max(pixels.width, pixels.height);
  if (longer > largestAspect * Math.min(pixels.width, pixels.height))
    throw new RangeError(
      `Cannot fit ${pixels.width} x ${pixels.height} pixels into a square: an aligned face is square; cut it out first`,
    );
  const width = Math.max(Math.round((pixels.width * size) / longer), 1);
  const height = Math.max(Math.round((pixels.height * size) / longer), 1);
  const window = { left: (size - width) >> 1, top: (size - height) >> 1, width, height };
  const resized = resizeBilinear(pixels, width, height);
  return { square: padByEdge(resized, window, size), window };
}

/** The part of a picture in a window. */
export function cutWindow(pixels: Pixels, { left, top, width, height }: PixelWindow): Pixels {
  const { channels } = pixels;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * pixels.width + left) * channels;
    data.set(pixels.data.subarray(start, start + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}

function padByEdge(pixels: Pixels, { left, top, width, height }: PixelWindow, size: number): Pixels {
  if (width === size && height === size) return pixels;
  const { channels } = pixels;
  const data = new Uint8Array(size * size * channels);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const from = clamp(y - top, height) * width + clamp(x - left, width);
      for (let c = 0; c < channels; c++)
        data[(y * size + x) * channels + c] = pixels.data[from * channels + c]!;
    }
  return { width: size, height: size, channels, data };
}

function clamp(index: number, count: number): number {
  return Math.min(Math.max(index, 0), count - 1);
}

/** Half-pixel centres, no antialiasing, clamped border, rounded to 8 bits. */
export function resizeBilinear(pixels: Pixels, width: number, height: number): Pixels {
  if (pixels.width === width && pixels.height === height) return pixels;
  const { channels } = pixels;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const sourceY = ((y + 0.5) * pixels.height) / height - 0.5;
    const top = Math.floor(sourceY);
    const rows = [clamp(top, pixels.height), clamp(top + 1, pixels.height)] as const;
    for (let x = 0; x < width; x++) {
      const sourceX = ((x + 0.5) * pixels.width) / width - 0.5;
      const left = Math.floor(sourceX);
      const columns = [clamp(left, pixels.width), clamp(left + 1, pixels.width)] as const;
      for (let c = 0; c < channels; c++) {
        const at = (row: number, column: number): number =>
          pixels.data[(row * pixels.width + column) * channels + c]!;
        const upper =
          at(rows[0], columns[0]) + (sourceX - left) * (at(rows[0], columns[1]) - at(rows[0], columns[0]));
        const lower =
          at(rows[1], columns[0]) + (sourceX - left) * (at(rows[1], columns[1]) - at(rows[1], columns[0]));
        data[(y * width + x) * channels + c] = Math.round(upper + (sourceY - top) * (lower - upper));
      }
    }
  }
  return { width, height, channels, data };
}

/** @returns [1, 3, height, width] in [-1, 1] */
export function pixelsToTensor({ width, height, data }: Pixels): HostTensor {
  const plane = width * height;
  const tensor = hostTensor([1, 3, height, width]);
  for (let i = 0; i < 3 * plane; i++) tensor.data[(i % 3) * plane + Math.floor(i / 3)] = data[i]! / 127.5 - 1;
  return tensor;
}

/**
 * @param tensor [1, 3, H, W]; values outside [-1, 1] are clamped
 * @throws {RangeError} if a value is not finite
 */
export function tensorToPixels({ shape, data }: HostTensor): Pixels {
  const [, , height, width] = shape as [number, number, number, number];
  const plane = width * height;
  const pixels = { width, height, channels: 3, data: new Uint8Array(3 * plane) };
  for (let i = 0; i < 3 * plane; i++) {
    const value = data[(i % 3) * plane + Math.floor(i / 3)]!;
    if (!Number.isFinite(value))
      throw new RangeError(`Cannot make a picture of the result: it has ${value} in it`);
    pixels.data[i] = Math.round((Math.min(Math.max(value, -1), 1) + 1) * 127.5);
  }
  return pixels;
}
