import { expect, it } from 'vitest';
import { type Orientation, orientPixels } from './orient-pixels.ts';
import { createPixels } from './pixels.ts';

/** Upright it reads abc / def; stored in each orientation as EXIF defines where row 0 and column 0 are seen. */
const stored: Readonly<Record<Orientation, readonly string[]>> = {
  1: ['abc', 'def'],
  2: ['cba', 'fed'],
  3: ['fed', 'cba'],
  4: ['def', 'abc'],
  5: ['ad', 'be', 'cf'],
  6: ['cf', 'be', 'ad'],
  7: ['fc', 'eb', 'da'],
  8: ['da', 'eb', 'fc'],
};

it.each(Object.entries(stored))('shows orientation %s upright', (orientation, rows) => {
  const data = Uint8Array.from(rows.join(''), (letter) => letter.charCodeAt(0));
  const upright = orientPixels(
    createPixels(rows[0]!.length, rows.length, 1, data),
    Number(orientation) as Orientation,
  );
  expect([upright.width, upright.height]).toEqual([3, 2]);
  expect(String.fromCharCode(...upright.data)).toBe('abcdef');
});
