import { expect, it } from 'vitest';
import type { Checkpoint } from '../../../restore/checkpoint.ts';
import { networkNames } from '../../../restore/networks.ts';
import { chooseMemoryMode, memoryWarning } from './memory-mode.ts';

/** Five networks of one tensor each, 5 GB of float32 together. */
const checkpoint = Object.fromEntries(
  networkNames.map((name) => [name, { tensors: new Map([['w', { entry: { shape: [250e6] } }]]) }]),
) as unknown as Checkpoint;

it.each([
  [16e9, 'fast'],
  [9e9, 'balanced'],
  [6e9, 'low'],
])('of %d bytes free chooses %s', (free, mode) => {
  expect(chooseMemoryMode(checkpoint, free)).toBe(mode);
});

it('warns of what a mode takes beyond what is free', () => {
  expect(memoryWarning(checkpoint, 'low', 4e9)).toBeUndefined();
  expect(memoryWarning(checkpoint, 'low', 3e9)).toBe(
    'about 3.5 GB of memory are needed, 3.0 GB are free: if the system ends the program, close other programs',
  );
  expect(memoryWarning(checkpoint, 'fast', 8e9)).toContain(
    'about 12.5 GB of memory are needed, 8.0 GB are free',
  );
  expect(memoryWarning(checkpoint, 'fast', 8e9)).toContain('take the memory mode low');
});
