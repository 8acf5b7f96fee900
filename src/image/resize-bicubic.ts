import { type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

const a = -0.75;

/** Keys' cubic convolution kernel with a = −0.75 at the four taps around a fraction t in [0, 1). */
function cubicWeights(t: number): [number, number, number, number] {
  const far = (x: number): number => ((x - 5) * x + 8) * x * a - 4 * a;
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** For each output index: four clamped source indices and their weights. */
function cubicTaps(from: number, to: number): { index: Int32Array; weight: Float64Array } {
  const index = new Int32Array(to * 4);
  const weight = new Float64Array(to * 4);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const base = Math.floor(centre);
    weight.set(cubicWeights(centre - base), i * 4);
    for (let k = 0; k < 4; k++) index[i * 4 + k] = Math.min(Math.max(base - 1 + k, 0), from - 1);
  }
  return { index, weight };
}

/**
 * PyTorch's bicubic interpolation of a tensor: half-pixel centres, a = −0.75, no antialiasing, clamped border.
 * @param image [B, C, H, W]
 * @returns [B, C, height, width]
 */
export function resizeBicubic(image: HostTensor, height: number, width: number): HostTensor {
  const [batch, channels, fromHeight, fromWidth] = image.shape as [number, number, number, number];
  const columns = cubicTaps(fromWidth, width);
  const rows = cubicTaps(fromHeight, height);
  const output = hostTensor([batch, channels, height, width]);
  const narrowed = new Float64Array(fromHeight * width);
  for (let plane = 0; plane < batch * channels; plane++) {
    const source = image.data.subarray(plane * fromHeight * fromWidth, (plane + 1) * fromHeight * fromWidth);
    for (let y = 0; y < fromHeight; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = x * 4; k < x * 4 + 4; k++)
          sum += columns.weight[k]! * source[y * fromWidth + columns.index[k]!]!;
        narrowed[y * width + x] = sum;
      }
    const target = output.data.subarray(plane * height * width, (plane + 1) * height * width);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = y * 4; k < y * 4 + 4; k++)
          sum += rows.weight[k]! * narrowed[rows.index[k]! * width + x]!;
        target[y * width + x] = sum;
      }
  }
  return output;
}
