/** Which part of a photo is seen, and how large: pure arithmetic. Lengths of the window are CSS pixels. */

export interface Length2 {
  readonly width: number;
  readonly height: number;
}

/** x, y: where the photo's upper left corner is in the window; scale: CSS pixels for one of the photo. */
export interface Viewport {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** Closest: so many CSS pixels for one of the photo. */
const largestScale = 8;

/** The whole photo in the middle, not enlarged by more than twice. */
export function fitViewport(photo: Length2, window: Length2): Viewport {
  const scale = Math.min(window.width / photo.width, window.height / photo.height, 2);
  return clampViewport({ x: 0, y: 0, scale }, photo, window);
}

/** The photo stays in the window: in the middle where it is smaller, without a gap where it is larger. */
export function clampViewport({ x, y, scale }: Viewport, photo: Length2, window: Length2): Viewport {
  const along = (start: number, length: number, room: number): number =>
    length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, start));
  return {
    x: along(x, photo.width * scale, window.width),
    y: along(y, photo.height * scale, window.height),
    scale,
  };
}

/** Enlarges about a point of the window, which stays where it is. */
export function zoomViewport(
  { x, y, scale }: Viewport,
  factor: number,
  [atX, atY]: readonly [number, number],
  photo: Length2,
  window: Length2,
): Viewport {
  const fit = fitViewport(photo, window).scale;
  const next = Math.min(Math.max(scale * factor, fit), Math.max(largestScale, fit));
  const ratio = next / scale;
  return clampViewport(
    { x: atX - (atX - x) * ratio, y: atY - (atY - y) * ratio, scale: next },
    photo,
    window,
  );
}
