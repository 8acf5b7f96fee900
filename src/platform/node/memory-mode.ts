import { freemem } from 'node:os';
import { type Checkpoint, networkNames } from '../../restore/checkpoint.ts';
import type { MemoryMode } from '../../restore/stage-models.ts';

/** Size of a checkpoint's weights in float32, in bytes. */
function weightBytes(checkpoint: Checkpoint): number {
  let bytes = 0;
  for (const network of networkNames)
    for (const { entry } of checkpoint[network].tensors.values())
      bytes += 4 * entry.shape.reduce((count, extent) => count * extent, 1);
  return bytes;
}

/**
 * The fastest memory mode that the free memory allows. As measured on the published sizes (5.6 GB of weights),
 * `fast` takes 2.5 times the weights and `balanced` 1.5 times.
 */
export function chooseMemoryMode(checkpoint: Checkpoint): MemoryMode {
  const weights = weightBytes(checkpoint);
  const free = freemem();
  if (free > 3 * weights) return 'fast';
  return free > 1.6 * weights ? 'balanced' : 'low';
}
