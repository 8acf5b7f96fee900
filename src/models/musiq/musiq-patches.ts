/** The patches of a picture at several scales, as MUSIQ takes them. */
import { resizeTensor } from '../../image/resize.ts';
import { roundHalfEven } from '../../image/rounding.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';

/** Side of a patch in pixels. */
export const musiqPatch = 32;
/** Longer sides of the two smaller scales; the picture itself is the third. */
const longerSides = [224, 384];
const area = musiqPatch ** 2;

export interface MusiqPatches {
  /** [T, 3, 32, 32] in [-1, 1] */
  readonly patches: HostTensor;
  /** [T]: place in the grid, row by row */
  readonly positions: HostTensor;
  /** [T]: 0 for the smallest scale */
  readonly scales: HostTensor;
  /** 1 for a patch of the picture, 0 for padding. */
  readonly mask: readonly number[];
}

/**
 * Each scale cut into patches row by row, zeros around it to whole patches. The smaller scales are filled up with
 * padding to as many patches as a square picture has.
 * @param image [1, 3, H, W] in [-1, 1]
 * @param grid side of the grid of positions
 */
export function musiqPatches(image: HostTensor, grid: number): MusiqPatches {
  const [, , height, width] = image.shape as [number, number, number, number];
  const sheets: Sheet[] = longerSides.map((side, scale) => {
    const ratio = side / Math.max(height, width);
    const size = { width: roundHalfEven(width * ratio), height: roundHalfEven(height * ratio) };
    const resized = resizeTensor(image, size, 'bicubic');
    return { ...cut(resized, grid), scale, count: Math.ceil(side / musiqPatch) ** 2 };
  });
  const whole = cut(image, grid);
  sheets.push({ ...whole, scale: longerSides.length, count: whole.places.length });
  const count = sheets.reduce((sum, sheet) => sum + sheet.count, 0);
  const patches = hostTensor([count, 3, musiqPatch, musiqPatch]);
  const positions = hostTensor([count]);
  const scales = hostTensor([count]);
  const mask = new Array<number>(count).fill(0);
  let first = 0;
  for (const { pixels, places, scale, count: room } of sheets) {
    patches.data.set(pixels, first * 3 * area);
    for (const [i, place] of places.entries()) {
      positions.data[first + i] = place;
      scales.data[first + i] = scale;
      mask[first + i] = 1;
    }
    first += room;
  }
  return { patches, positions, scales, mask };
}

/** The same without padding, which nobody attends to. */
export function withoutPadding({ patches, positions, scales, mask }: MusiqPatches): MusiqPatches {
  const kept = mask.flatMap((one, i) => (one ? [i] : []));
  const size = 3 * area;
  const pick = (tensor: HostTensor) =>
    hostTensor(
      [kept.length],
      Float32Array.from(kept, (i) => tensor.data[i]!),
    );
  const pixels = hostTensor([kept.length, 3, musiqPatch, musiqPatch]);
  for (const [to, from] of kept.entries())
    pixels.data.set(patches.data.subarray(from * size, (from + 1) * size), to * size);
  return { patches: pixels, positions: pick(positions), scales: pick(scales), mask: kept.map(() => 1) };
}

interface Cut {
  /** [T, 3, 32, 32] */
  readonly pixels: Float32Array;
  readonly places: readonly number[];
}

interface Sheet extends Cut {
  readonly scale: number;
  /** With padding. */
  readonly count: number;
}

/** Patches row by row; what is missing to whole patches is zero, the smaller half of it above and to the left. */
function cut({ shape, data }: HostTensor, grid: number): Cut {
  const [, , height, width] = shape as [number, number, number, number];
  const rows = Math.ceil(height / musiqPatch);
  const columns = Math.ceil(width / musiqPatch);
  const top = Math.floor((rows * musiqPatch - height) / 2);
  const left = Math.floor((columns * musiqPatch - width) / 2);
  const pixels = new Float32Array(rows * columns * 3 * area);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++) {
      const row = data.subarray((c * height + y) * width, (c * height + y + 1) * width);
      const [patchRow, inside] = [Math.floor((y + top) / musiqPatch), (y + top) % musiqPatch];
      for (let column = 0; column < columns; column++) {
        // What of the patch's row the picture has.
        const first = Math.max(0, column * musiqPatch - left);
        const end = Math.min(width, (column + 1) * musiqPatch - left);
        const to = ((patchRow * columns + column) * 3 + c) * area + inside * musiqPatch;
        pixels.set(row.subarray(first, end), to + first + left - column * musiqPatch);
      }
    }
  const places = Array.from({ length: rows * columns }, (_, i) => {
    const row = nearest(Math.floor(i / columns), rows, grid);
    return row * grid + nearest(i % columns, columns, grid);
  });
  return { pixels, places };
}

/** Position i of `count` in a grid of `grid`, in float32 as PyTorch's nearest-neighbour resizing has it. */
function nearest(i: number, count: number, grid: number): number {
  return Math.min(Math.floor(Math.fround(i * Math.fround(grid / count))), grid - 1);
}
