import { expect, it } from 'vitest';
import { applyAffine } from './geometry.ts';
import { type QuarterTurns, turnMatrix, turnPixels } from './quarter-turn.ts';

const data = Uint8Array.from({ length: 3 * 2 * 3 }, (_, i) => i);
const picture = { width: 3, height: 2, channels: 3, data } as const;
const reds = ({ data: values }: { data: ArrayLike<number> }): number[] =>
  Array.from(values).filter((_, i) => i % 3 === 0);

it('turns clockwise', () => {
  expect(reds(picture)).toEqual([0, 3, 6, 9, 12, 15]);
  expect(turnPixels(picture, 1)).toMatchObject({ width: 2, height: 3 });
  expect(reds(turnPixels(picture, 1))).toEqual([9, 0, 12, 3, 15, 6]);
  expect(reds(turnPixels(picture, 2))).toEqual([15, 12, 9, 6, 3, 0]);
  expect(reds(turnPixels(picture, 3))).toEqual([6, 15, 3, 12, 0, 9]);
  expect(turnPixels(turnPixels(picture, 1), 3).data).toEqual(data);
});

it.each([1, 2, 3] as const)('turns coordinates with the image: %d', (turns: QuarterTurns) => {
  const turned = turnPixels(picture, turns);
  const matrix = turnMatrix(picture, turns);
  for (let y = 0; y < 2; y++)
    for (let x = 0; x < 3; x++) {
      const [u, v] = applyAffine(matrix, [x + 0.5, y + 0.5]);
      const at = (Math.floor(v) * turned.width + Math.floor(u)) * 3;
      expect([...turned.data.subarray(at, at + 3)]).toEqual([
        ...data.subarray((y * 3 + x) * 3, (y * 3 + x) * 3 + 3),
      ]);
    }
});

it('keeps floats floats', () => {
  const gray = { width: 2, height: 1, channels: 1, data: Float32Array.of(0.5, -300) } as const;
  expect(turnPixels(gray, 2).data).toEqual(Float32Array.of(-300, 0.5));
});
