import { expect, it } from 'vitest';
import { clampViewport, fitViewport, zoomViewport } from './viewport.ts';

const photo = { width: 2000, height: 1000 };
const window = { width: 500, height: 500 };

it('shows the whole photo in the middle', () => {
  expect(fitViewport(photo, window)).toEqual({ x: 0, y: 125, scale: 0.25 });
});

it('enlarges a small photo twice at most', () => {
  expect(fitViewport({ width: 100, height: 100 }, window)).toEqual({ x: 150, y: 150, scale: 2 });
});

it('keeps the point under the pointer', () => {
  const before = fitViewport(photo, window);
  const after = zoomViewport(before, 4, [200, 250], photo, window);
  const seen = (view: typeof before) => [(200 - view.x) / view.scale, (250 - view.y) / view.scale];
  expect(after.scale).toBe(1);
  expect(seen(after)).toEqual(seen(before));
});

it('leaves no gap beside a photo that is larger than the window', () => {
  expect(clampViewport({ x: 40, y: -900, scale: 1 }, photo, window)).toEqual({ x: 0, y: -500, scale: 1 });
});

it('shows no less than the whole photo', () => {
  expect(zoomViewport({ x: 0, y: 0, scale: 1 }, 0.01, [0, 0], photo, window)).toEqual(
    fitViewport(photo, window),
  );
});
