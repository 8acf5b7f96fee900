/** A photo halved again and again, from which parts are read at any smaller size, as networks take them. */

import { isBytePixels, type Pixels } from '../image/pixels.ts';
import type { Size } from '../image/resize.ts';
import type { Region } from '../image/warp-affine.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

/** What lies outside the photo is black. */
const outside = -1;

export class ImagePyramid {
  /** The photo, and each halved: a pixel is the mean of four, an odd last row or column left out. */
  readonly #levels: [Pixels, ...Pixels[]];

  /** @param photo gray is repeated to three channels, alpha left out */
  constructor(photo: Pixels) {
    this.#levels = [photo];
  }

  /**
   * A part of the photo at another size, between the pixels of the smallest level that is no smaller.
   * @param size of the whole photo
   * @param region in pixels of that size; black where it goes beyond
   * @returns [1, 3, height, width] of the region in [-1, 1]
   */
  read(size: Size, region: Region): HostTensor {
    const [photo] = this.#levels;
    const stepX = photo.width / size.width;
    const stepY = photo.height / size.height;
    const level = Math.max(0, Math.floor(Math.log2(Math.min(stepX, stepY)) + 1e-6));
    const source = this.#level(level);
    const across = Math.min(region.width, size.width - region.x);
    const down = Math.min(region.height, size.height - region.y);
    const planes = hostTensor([1, 3, region.height, region.width]);
    if (across < region.width || down < region.height) planes.data.fill(outside);
    const columns = linearTaps(region.x, across, stepX / 2 ** level, source.width);
    const rows = linearTaps(region.y, down, stepY / 2 ** level, source.height);
    readPlanes(source, columns, rows, planes.data, region);
    return planes;
  }

  #level(index: number): Pixels {
    while (this.#levels.length <= index) this.#levels.push(halved(this.#levels.at(-1)!));
    return this.#levels[index]!;
  }
}

/** For each sample along an axis the pixel before it, the one behind, and how far it is on the way, 0..1. */
interface LinearTaps {
  readonly before: Int32Array;
  readonly behind: Int32Array;
  readonly share: Float32Array;
}

function linearTaps(start: number, count: number, step: number, length: number): LinearTaps {
  const taps = {
    before: new Int32Array(count),
    behind: new Int32Array(count),
    share: new Float32Array(count),
  };
  for (let i = 0; i < count; i++) {
    const at = Math.min(Math.max((start + i + 0.5) * step - 0.5, 0), length - 1);
    const pixel = Math.floor(at);
    taps.before[i] = pixel;
    taps.behind[i] = Math.min(pixel + 1, length - 1);
    taps.share[i] = at - pixel;
  }
  return taps;
}

function readPlanes(
  source: Pixels,
  columns: LinearTaps,
  rows: LinearTaps,
  planes: Float32Array,
  { width, height }: Size,
): void {
  const { data, channels } = source;
  const row = source.width * channels;
  const area = width * height;
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  const left = columns.before.map((x) => x * channels);
  const next = columns.behind.map((x) => x * channels);
  for (let j = 0; j < rows.before.length; j++) {
    const above = rows.before[j]! * row;
    const below = rows.behind[j]! * row;
    // The weights of four pixels, times what takes 0..255 to 0..2.
    const lower = rows.share[j]! * (2 / 255);
    const upper = 2 / 255 - lower;
    let to = j * width;
    for (let i = 0; i < left.length; i++, to++) {
      const share = columns.share[i]!;
      const wd = lower * share;
      const wc = lower - wd;
      const wb = upper * share;
      const wa = upper - wb;
      const a = above + left[i]!;
      const b = above + next[i]!;
      const c = below + left[i]!;
      const d = below + next[i]!;
      planes[to] = wa * data[a]! + wb * data[b]! + wc * data[c]! + wd * data[d]! - 1;
      planes[to + area] =
        wa * data[a + green]! + wb * data[b + green]! + wc * data[c + green]! + wd * data[d + green]! - 1;
      planes[to + 2 * area] =
        wa * data[a + blue]! + wb * data[b + blue]! + wc * data[c + blue]! + wd * data[d + blue]! - 1;
    }
  }
}

/** The means of squares of four pixels; of a side of one pixel, that pixel. */
function halved(pixels: Pixels): Pixels {
  const { channels, data } = pixels;
  const width = Math.max(pixels.width >> 1, 1);
  const height = Math.max(pixels.height >> 1, 1);
  const right = pixels.width > 1 ? channels : 0;
  const down = pixels.height > 1 ? pixels.width * channels : 0;
  const bytes = isBytePixels(pixels);
  if (bytes && channels === 3 && pixels.width > 1 && pixels.height > 1)
    return { width, height, channels, data: halvedColors(data, pixels.width, width, height) };
  const half = bytes
    ? new Uint8Array(width * height * channels)
    : new Float32Array(width * height * channels);
  const rounding = bytes ? 0.5 : 0;
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = 2 * y * down;
    for (let x = 0; x < width; x++, from += 2 * right - channels)
      for (let c = 0; c < channels; c++, from++, to++)
        half[to] =
          (data[from]! + data[from + right]! + data[from + down]! + data[from + down + right]!) / 4 +
          rounding;
  }
  return { width, height, channels, data: half };
}

/** As `halved`, of RGB bytes. */
function halvedColors(data: Pixels['data'], fullWidth: number, width: number, height: number): Uint8Array {
  const half = new Uint8Array(width * height * 3);
  const row = 3 * fullWidth;
  let to = 0;
  for (let y = 0; y < height; y++) {
    let a = 2 * y * row;
    let b = a + row;
    for (let x = 0; x < width; x++, a += 6, b += 6, to += 3) {
      half[to] = (data[a]! + data[a + 3]! + data[b]! + data[b + 3]! + 2) >> 2;
      half[to + 1] = (data[a + 1]! + data[a + 4]! + data[b + 1]! + data[b + 4]! + 2) >> 2;
      half[to + 2] = (data[a + 2]! + data[a + 5]! + data[b + 2]! + data[b + 5]! + 2) >> 2;
    }
  }
  return half;
}
