/** Enlarges photos by RRDBNet, tile by tile, so that memory does not grow with the photo. */

import { emitModel } from '../graph/onnx/emit-model.ts';
import { input } from '../graph/ops.ts';
import { createPixels, isBytePixels, type Pixels } from '../image/pixels.ts';
import { matchStored, type StoredNetwork, shapesOf } from '../models/match-stored.ts';
import { buildRrdbnet, inferRrdbnetConfig } from '../models/rrdbnet/rrdbnet.ts';
import { parameterScope } from '../nn/parameter-scope.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

export interface UpscaleOptions {
  readonly signal?: AbortSignal;
  /** @param fraction 0..1 of this call */
  readonly onProgress?: (fraction: number) => void;
}

export interface Upscaler {
  /** Sides of the result over those of the photo. */
  readonly scale: number;
  /**
   * @param photo RGB
   * @returns of the photo's kind of data, in 0..255
   */
  upscale(photo: Pixels, options?: UpscaleOptions): Promise<Pixels>;
  release(): Promise<void>;
}

export interface UpscalerOptions {
  /** Side of a tile in pixels of the photo, a multiple of 4; smaller ones take less memory and more time. */
  readonly tile?: number;
  /** So many pixels at each inner edge of a tile are computed to be seen only, not kept. */
  readonly margin?: number;
}

/**
 * @param weights of `RealESRGAN_x2plus.pth`, `RealESRGAN_x4plus.pth` or a network of their kind
 * @throws {CheckpointError} if they are of another network, RangeError for a tile that does not fit it
 */
export async function createUpscaler(
  runtime: Runtime,
  weights: StoredNetwork,
  { tile = 192, margin = 16 }: UpscalerOptions = {},
): Promise<Upscaler> {
  if (!(tile % 4 === 0 && margin >= 0 && tile > 2 * margin))
    throw new RangeError(
      `Cannot enlarge in tiles of ${tile} with margins of ${margin}: a multiple of 4 beyond both margins is needed`,
    );
  const config = inferRrdbnetConfig(shapesOf(weights));
  const enlarged = buildRrdbnet(parameterScope('rrdbnet'), config, input('image', [1, 3, tile, tile]));
  const bind = await matchStored([enlarged], 'rrdbnet', weights, 'RRDBNet network');
  const session = await runtime.createSession(emitModel('RRDBNet', { enlarged }, bind), {
    givesModel: true,
  });
  return {
    scale: config.scale,
    upscale: (photo, options = {}) => enlarge(photo, session, { scale: config.scale, tile, margin }, options),
    release: () => session.release(),
  };
}

interface Tiling {
  readonly scale: number;
  readonly tile: number;
  readonly margin: number;
}

async function enlarge(
  photo: Pixels,
  session: Session,
  { scale, tile, margin }: Tiling,
  { signal, onProgress }: UpscaleOptions,
): Promise<Pixels> {
  if (photo.channels !== 3)
    throw new RangeError(`Cannot enlarge an image of ${photo.channels} channels: expected RGB`);
  const rows = tileSpans(photo.height, tile, margin);
  const columns = tileSpans(photo.width, tile, margin);
  const [width, height] = [photo.width * scale, photo.height * scale];
  const count = width * height * 3;
  // Bytes are written at once: as floats a large photo would take four times the memory. A clamped array rounds.
  const values = isBytePixels(photo) ? new Uint8ClampedArray(count) : new Float32Array(count);
  const result = { width, data: values };
  let done = 0;
  for (const row of rows)
    for (const column of columns) {
      signal?.throwIfAborted();
      const { enlarged } = await session.run({ image: cutTile(photo, column.start, row.start, tile) });
      placeTile(enlarged!, result, row, column, scale);
      onProgress?.(++done / (rows.length * columns.length));
    }
  const data = values instanceof Float32Array ? values : new Uint8Array(values.buffer);
  return createPixels(width, height, 3, data);
}

/** Where a tile starts, and which part of the axis is taken from it. */
interface TileSpan {
  readonly start: number;
  readonly from: number;
  readonly to: number;
}

/** Tiles that cover an axis of `length`: cuts go through the middle of what neighbours share. */
export function tileSpans(length: number, tile: number, margin: number): TileSpan[] {
  const step = tile - 2 * margin;
  const count = length <= tile ? 1 : Math.ceil((length - 2 * margin) / step);
  const starts = Array.from({ length: count }, (_, i) =>
    count === 1 ? 0 : Math.round((i * (length - tile)) / (count - 1)),
  );
  const cutBefore = (i: number): number => Math.floor((starts[i]! + starts[i - 1]! + tile) / 2);
  return starts.map((start, i) => ({
    start,
    from: i === 0 ? 0 : cutBefore(i),
    to: i === count - 1 ? length : cutBefore(i + 1),
  }));
}

/** [1, 3, tile, tile] in [0, 1]; mirrored where it reaches beyond the photo. */
function cutTile(photo: Pixels, left: number, top: number, tile: number): HostTensor {
  const tensor = hostTensor([1, 3, tile, tile]);
  const columns = Array.from({ length: tile }, (_, x) => mirrored(left + x, photo.width));
  for (let y = 0; y < tile; y++) {
    const row = mirrored(top + y, photo.height) * photo.width;
    for (let x = 0; x < tile; x++) {
      const from = 3 * (row + columns[x]!);
      for (let c = 0; c < 3; c++) tensor.data[(c * tile + y) * tile + x] = photo.data[from + c]! / 255;
    }
  }
  return tensor;
}

/** The index reflected at the last pixel, back and forth. */
function mirrored(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const offset = index % period;
  return offset < length ? offset : period - offset;
}

function placeTile(
  { data, shape }: HostTensor,
  result: { readonly width: number; readonly data: Float32Array | Uint8ClampedArray },
  row: TileSpan,
  column: TileSpan,
  scale: number,
): void {
  const side = shape[3]!;
  for (let y = row.from * scale; y < row.to * scale; y++)
    for (let x = column.from * scale; x < column.to * scale; x++) {
      const from = (y - row.start * scale) * side + x - column.start * scale;
      const to = 3 * (y * result.width + x);
      for (let c = 0; c < 3; c++) {
        const value = 255 * data[c * side * side + from]!;
        result.data[to + c] = Math.min(Math.max(value, 0), 255);
      }
    }
}
