import { describe, expect, it } from 'vitest';
import { createPixels } from '../image/pixels.ts';
import { matchMoments } from './moment-match.ts';

describe('matchMoments', () => {
  // Channel by channel: mean 2, deviation 1; mean 20, deviation 10; constant 7.
  const picture = createPixels(2, 1, 3, Uint8Array.of(1, 10, 7, 3, 30, 7));
  const reference = createPixels(2, 1, 3, Uint8Array.of(4, 100, 9, 8, 100, 11));

  it("gives each channel the reference's mean and deviation", () => {
    expect([...matchMoments(picture, reference).data]).toEqual([4, 100, 10, 8, 100, 10]);
  });

  it('leaves the picture itself as it was, and its own colours alone', () => {
    matchMoments(picture, reference);
    expect([...picture.data]).toEqual([1, 10, 7, 3, 30, 7]);
    expect([...matchMoments(picture, picture).data]).toEqual([...picture.data]);
  });

  it('refuses other channels', () => {
    const gray = createPixels(2, 1, 1, Uint8Array.of(1, 2));
    expect(() => matchMoments(gray, reference)).toThrow('1 channels with those of 3');
  });
});
