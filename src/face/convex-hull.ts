import type { Point } from '../image/geometry.ts';

/**
 * The corners of the least convex polygon around points, in order around it.
 * @see Andrew 1979, "Another efficient algorithm for convex hulls in two dimensions"
 */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = [...points].sort(([ax, ay], [bx, by]) => ax - bx || ay - by);
  return [...halfHull(sorted), ...halfHull(sorted.reverse())];
}

/** One side of the hull, without its last corner: that is the other side's first. */
function halfHull(sorted: readonly Point[]): Point[] {
  const corners: Point[] = [];
  for (const point of sorted) {
    while (corners.length >= 2 && turn(corners.at(-2)!, corners.at(-1)!, point) <= 0) corners.pop();
    corners.push(point);
  }
  return corners.slice(0, -1);
}

/** Positive for a turn to one side, negative to the other, 0 straight ahead. */
function turn([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number {
  return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
}
