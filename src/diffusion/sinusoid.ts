/** Sinusoidal embeddings of numbers (Vaswani et al. 2017, arXiv:1706.03762), as diffusers lays them out. */

interface SinusoidOptions {
  /** Cosines before sines. */
  readonly cosineFirst: boolean;
  /** Subtracted from the half width in the frequencies' denominator. */
  readonly frequencyShift: number;
}

/** [width] of `position`: frequencies exp(−ln 10⁴·i/(width/2 − shift)). An odd width ends in a zero. */
export function sinusoid(
  position: number,
  width: number,
  { cosineFirst, frequencyShift }: SinusoidOptions,
): Float32Array {
  const half = Math.floor(width / 2);
  const embedding = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    // In float32, as the published code computes it: at angles of several thousand the rounding shows.
    const exponent = Math.fround(i * Math.fround(-Math.log(10_000) / (half - frequencyShift)));
    const frequency = Math.fround(Math.exp(exponent));
    const angle = Math.fround(position * frequency);
    embedding[cosineFirst ? i + half : i] = Math.sin(angle);
    embedding[cosineFirst ? i : i + half] = Math.cos(angle);
  }
  return embedding;
}

/** The guidance embedding of scale s, [width]: w = s − 1 enters as 1000·w, sines first (Luo et al. 2023, section 4.2). */
export function guidanceEmbedding(guidanceScale: number, width: number): Float32Array {
  return sinusoid(1000 * (guidanceScale - 1), width, { cosineFirst: false, frequencyShift: 1 });
}
