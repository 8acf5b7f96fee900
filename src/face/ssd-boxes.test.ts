import { expect, it } from 'vitest';
import { hostTensor } from '../tensor/host-tensor.ts';
import { anchorMaps, decodeSsdMap } from './ssd-boxes.ts';

const maps = [
  { stride: 32, anchors: 1 },
  { stride: 64, anchors: 2 },
];
// A square of 64 pixels: 2 x 2 cells of one anchor, then one cell of two.
const list = Float32Array.from([
  ...[0, 0, 0.5, 0.5, 0, 0.5, 0.5, 1, 0.5, 0, 1, 0.5, 0.5, 0.5, 1, 1],
  ...[0, 0, 1, 1, 0.25, 0, 0.75, 1],
]);

it('takes the anchors of a map from its first cell', () => {
  expect(anchorMaps(list, 64, maps)).toEqual([
    { stride: 32, anchors: [{ x: 16, y: 16, width: 32, height: 32 }] },
    {
      stride: 64,
      anchors: [
        { x: 32, y: 32, width: 64, height: 64 },
        { x: 32, y: 32, width: 64, height: 32 },
      ],
    },
  ]);
});

it('decodes the boxes whose score is high enough, wherever the cell', () => {
  const [, coarse] = anchorMaps(list, 64, maps);
  // Two rows of three cells; the second anchor of the last cell is a face, shifted by a tenth and twice as high.
  const predictions = hostTensor([1, 10, 2, 3]);
  const set = (channel: number, value: number): void => {
    predictions.data[channel * 6 + 5] = value;
  };
  predictions.data.fill(-9, 8 * 6);
  set(4, 1); // a tenth of the anchor's height down
  set(5, -1); // a tenth of its width to the left
  set(6, 5 * Math.log(2));
  set(9, 0); // a logit of 0
  const [found, ...others] = decodeSsdMap(predictions, coarse!, 0.5);
  expect(others).toEqual([]);
  expect(found!.score).toBeCloseTo(0.5, 6);
  expect(found!.box.width).toBeCloseTo(64, 4);
  expect(found!.box.height).toBeCloseTo(64, 4);
  expect(found!.box.x + 32).toBeCloseTo(2 * 64 + 32 - 6.4, 4);
  expect(found!.box.y + 32).toBeCloseTo(64 + 32 + 3.2, 4);
  expect(decodeSsdMap(predictions, coarse!, 0.51)).toEqual([]);
  expect(decodeSsdMap(predictions, coarse!, 1.01)).toEqual([]);
});
