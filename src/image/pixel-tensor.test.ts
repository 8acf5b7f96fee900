import { describe, expect, test } from 'vitest';
import { hostTensor } from '../tensor/host-tensor.ts';
import { pixelsToTensor, tensorToPixels } from './pixel-tensor.ts';
import { createPixels } from './pixels.ts';

describe('pixelsToTensor', () => {
  test('puts channels into planes of [-1, 1]', () => {
    const pixels = createPixels(2, 1, 3, Uint8Array.of(0, 51, 255, 255, 204, 0));
    const { shape, data } = pixelsToTensor(pixels);
    expect(shape).toEqual([1, 3, 1, 2]);
    [-1, 1, -0.6, 0.6, 1, -1].forEach((value, i) => {
      expect(data[i]).toBeCloseTo(value, 6);
    });
  });

  test('repeats gray and leaves out alpha', () => {
    const gray = pixelsToTensor(createPixels(1, 1, 1, Uint8Array.of(255)));
    expect([...gray.data]).toEqual([1, 1, 1]);
    const rgba = pixelsToTensor(createPixels(1, 1, 4, Uint8Array.of(255, 0, 255, 9)));
    expect([...rgba.data]).toEqual([1, -1, 1]);
  });
});

describe('tensorToPixels', () => {
  test('gives back every byte', () => {
    const pixels = createPixels(
      256,
      1,
      1,
      Uint8Array.from({ length: 256 }, (_, i) => i),
    );
    const gray = pixelsToTensor(pixels);
    expect(tensorToPixels(hostTensor([1, 1, 1, 256], gray.data.slice(0, 256)))).toEqual(pixels);
  });

  test('clamps and interleaves', () => {
    const tensor = hostTensor([1, 3, 1, 2], Float32Array.of(-2, 2, 0.2, -0.2, 1, -1));
    expect([...tensorToPixels(tensor).data]).toEqual([0, 153, 255, 255, 102, 0]);
  });

  test.each([[[2, 3, 1, 1]], [[1, 2, 1, 1]], [[3, 1, 1]]])('rejects shape %j', (shape) => {
    expect(() => tensorToPixels(hostTensor(shape))).toThrow('expected [1, 1 or 3, H, W]');
  });
});
