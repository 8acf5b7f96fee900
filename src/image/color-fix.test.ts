import { describe, expect, test } from 'vitest';
import { RandomStream } from '../random/random-stream.ts';
import { type HostTensor, hostTensor, relativeError } from '../tensor/host-tensor.ts';
import { adainColorFix, fixColor, waveletColorFix } from './color-fix.ts';

const SHAPE = [2, 3, 40, 37];

function noise(key: number, mean: number, deviation: number): HostTensor {
  const tensor = hostTensor(SHAPE);
  new RandomStream(6, [key]).fillNormal(tensor.data);
  return hostTensor(
    SHAPE,
    tensor.data.map((value) => mean + deviation * value),
  );
}

/** Five dilated 3 x 3 blurs, straight from the definition. */
function lowFrequencies(tensor: HostTensor): Float32Array {
  const [batch = 0, channels = 0, height = 0, width = 0] = tensor.shape;
  let current = Float64Array.from(tensor.data);
  for (let level = 0; level < 5; level++) {
    const reach = 2 ** level;
    const next = new Float64Array(current.length);
    for (let plane = 0; plane < batch * channels; plane++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (const dy of [-1, 0, 1])
            for (const dx of [-1, 0, 1]) {
              const sy = Math.min(height - 1, Math.max(0, y + dy * reach));
              const sx = Math.min(width - 1, Math.max(0, x + dx * reach));
              const weight = ((2 - Math.abs(dx)) * (2 - Math.abs(dy))) / 16;
              next[(plane * height + y) * width + x]! +=
                weight * current[(plane * height + sy) * width + sx]!;
            }
    current = next;
  }
  return Float32Array.from(current);
}

describe('waveletColorFix', () => {
  test('is the high frequencies of the content and the low ones of the style', () => {
    const content = noise(0, 0.2, 0.5);
    const style = noise(1, -0.3, 0.4);
    const [lowContent, lowStyle] = [lowFrequencies(content), lowFrequencies(style)];
    const expected = content.data.map((value, i) => value - lowContent[i]! + lowStyle[i]!);
    expect(relativeError(waveletColorFix(content, style).data, expected)).toBeLessThan(1e-6);
  });

  test('leaves its inputs as they are', () => {
    const content = noise(0, 0, 1);
    const style = noise(1, 0, 1);
    waveletColorFix(content, style);
    expect(content).toEqual(noise(0, 0, 1));
    expect(style).toEqual(noise(1, 0, 1));
  });
});

describe('adainColorFix', () => {
  test('gives each channel the mean and deviation of the style', () => {
    const style = noise(1, -0.3, 0.4);
    const fixed = adainColorFix(noise(0, 0.2, 0.5), style);
    const area = 40 * 37;
    for (let start = 0; start < fixed.data.length; start += area) {
      const moments = (data: Float32Array) => {
        const plane = data.subarray(start, start + area);
        const mean = plane.reduce((sum, value) => sum + value, 0) / area;
        return [
          mean,
          Math.sqrt(plane.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (area - 1)),
        ] as const;
      };
      expect(moments(fixed.data)[0]).toBeCloseTo(moments(style.data)[0], 5);
      // The 1e-5 under both roots moves the deviation by less than 1e-4 of it.
      expect(moments(fixed.data)[1]).toBeCloseTo(moments(style.data)[1], 4);
    }
  });

  test('takes the unbiased variance, plus 1e-5', () => {
    // Of two values, m - d and m + d, the unbiased variance is 2 d², the biased one d².
    const pair = (mean: number, d: number) => hostTensor([1, 1, 1, 2], Float32Array.of(mean - d, mean + d));
    const [d, s] = [0.002, 0.25];
    const [low, high] = adainColorFix(pair(0.3, d), pair(-0.1, s)).data;
    const stretched = d * Math.sqrt((2 * s * s + 1e-5) / (2 * d * d + 1e-5));
    // Without the 1e-5 it would be 0.25, with the biased variance 0.134.
    expect(stretched).toBeCloseTo(0.1667, 4);
    expect(high).toBeCloseTo(-0.1 + stretched, 5);
    expect(low).toBeCloseTo(-0.1 - stretched, 5);
  });

  test('stays finite for a flat image', () => {
    const flat = hostTensor([1, 1, 2, 2], new Float32Array(4).fill(0.5));
    const style = hostTensor([1, 1, 2, 2], Float32Array.of(1, 1, 0, 0));
    expect([...adainColorFix(flat, style).data]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });
});

describe('fixColor', () => {
  test('goes by the name of the method', () => {
    const [content, style] = [noise(0, 0, 1), noise(1, 0.5, 2)];
    expect(fixColor(content, style, 'none')).toBe(content);
    expect(fixColor(content, style, 'wavelet')).toEqual(waveletColorFix(content, style));
    expect(fixColor(content, style, 'adain')).toEqual(adainColorFix(content, style));
  });

  test('rejects images of different shapes', () => {
    const [a, b] = [hostTensor([1, 3, 4, 4]), hostTensor([1, 3, 4, 5])];
    expect(() => fixColor(a, b, 'wavelet')).toThrow('[1, 3, 4, 5]');
    expect(() => fixColor(a, b, 'adain')).toThrow(RangeError);
  });
});
