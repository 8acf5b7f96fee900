import { freemem } from 'node:os';
import { type Checkpoint, networksOfCheckpoint } from '../../../restore/checkpoint.ts';
import type { MemoryMode } from '../../../restore/stage-models.ts';
import { keepsMemory } from './kept-memory.ts';

/** Peak memory over the size of the weights in float32, as measured on the published sizes (5.6 GB). */
const peakShares: { readonly [M in MemoryMode]: number } = {
  fast: 2.5,
  balanced: 1.5,
  low: keepsMemory() ? 0.9 : 0.7,
};

/** Size of a checkpoint's weights in float32, in bytes. */
function weightBytes(checkpoint: Checkpoint): number {
  let bytes = 0;
  for (const [, { tensors }] of networksOfCheckpoint(checkpoint))
    for (const { entry } of tensors.values())
      bytes += 4 * entry.shape.reduce((count, extent) => count * extent, 1);
  return bytes;
}

/** Bytes that this process may still take: of the machine, or of the container that it runs in. */
export function availableMemory(): number {
  return Math.min(freemem(), process.availableMemory());
}

/** The fastest memory mode that the free memory allows, with some room. */
export function chooseMemoryMode(checkpoint: Checkpoint, free = availableMemory()): MemoryMode {
  const weights = weightBytes(checkpoint);
  if (free > 3 * weights) return 'fast';
  return free > 1.6 * weights ? 'balanced' : 'low';
}

/** What to tell whoever has less memory than a mode takes; undefined where it suffices. */
export function memoryWarning(
  checkpoint: Checkpoint,
  mode: MemoryMode,
  free = availableMemory(),
): string | undefined {
  const needed = peakShares[mode] * weightBytes(checkpoint);
  if (free >= needed) return undefined;
  const advice =
    mode === 'low' ? 'close other programs' : 'take the memory mode low, or leave the choice open';
  return `about ${gigabytes(needed)} of memory are needed, ${gigabytes(free)} are free: if the system ends the program, ${advice}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
