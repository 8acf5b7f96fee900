/** Rounds to the nearest whole number, halves to the even one, as NumPy and OpenCV do; for |value| < 2^51. */
export function roundHalfEven(value: number): number {
  // Near 1.5·2^52 a double has no bits for a fraction: the addition itself rounds.
  return value + 6755399441055744 - 6755399441055744;
}
