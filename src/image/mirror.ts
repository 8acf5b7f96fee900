/** Folds a position outside 0..length-1 back inside by reflection about the first and the last position. */
export function mirror(position: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const folded = ((position % period) + period) % period;
  return folded < length ? folded : period - folded;
}
