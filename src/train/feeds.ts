/** Random draws for a batch, one stream an image, so that an image's draws do not depend on its neighbours. */
import type { Shape } from '../graph/value.ts';
import type { RandomStream } from '../random/random-stream.ts';
import { elementCount, type HostTensor, hostTensor } from '../tensor/host-tensor.ts';

/** Standard normal noise, [streams, …shape]. */
export function drawNoise(streams: readonly RandomStream[], shape: Shape): HostTensor {
  const size = elementCount(shape);
  const noise = hostTensor([streams.length, ...shape]);
  for (const [i, stream] of streams.entries())
    stream.fillNormal(noise.data.subarray(i * size, (i + 1) * size));
  return noise;
}

/** One row an image. */
export function stackRows(rows: readonly Float32Array[]): HostTensor {
  const width = rows[0]!.length;
  const stacked = hostTensor([rows.length, width]);
  for (const [i, row] of rows.entries()) stacked.data.set(row, i * width);
  return stacked;
}

/** One number an image, as [B, 1, 1, 1]. */
export function perImage(values: readonly number[]): HostTensor {
  return hostTensor([values.length, 1, 1, 1], Float32Array.from(values));
}
