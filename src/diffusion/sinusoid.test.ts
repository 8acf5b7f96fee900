import { describe, expect, it } from 'vitest';
import { guidanceEmbedding, sinusoid } from './sinusoid.ts';

const unetTimestep = { cosineFirst: true, frequencyShift: 0 };

describe('sinusoid', () => {
  it('of 0 is ones in the cosine half and zeros in the sine half', () => {
    expect([...sinusoid(0, 6, unetTimestep)]).toEqual([1, 1, 1, 0, 0, 0]);
    expect([...sinusoid(0, 6, { cosineFirst: false, frequencyShift: 1 })]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it('turns at frequencies from 1 towards 10⁻⁴', () => {
    const embedding = sinusoid(2, 8, unetTimestep);
    const angles = [0, 1, 2, 3].map((i) => 2 * 10_000 ** (-i / 4));
    expect([...embedding]).toEqual(
      [...angles.map(Math.cos), ...angles.map(Math.sin)].map((v) => expect.closeTo(v, 6)),
    );
  });

  it('reaches 10⁻⁴ exactly with a shift of one', () => {
    const embedding = sinusoid(5000, 8, { cosineFirst: false, frequencyShift: 1 });
    // Sine of 5000·10⁻⁴; the frequency is rounded to float32.
    expect(embedding[3]).toBeCloseTo(Math.sin(0.5), 6);
  });

  it('ends in a zero where the width is odd', () => {
    const embedding = sinusoid(3, 7, unetTimestep);
    expect(embedding).toHaveLength(7);
    expect([...embedding.subarray(0, 6)]).toEqual([...sinusoid(3, 6, unetTimestep)]);
    expect(embedding[6]).toBe(0);
  });

  it('keeps cosine and sine of one angle together', () => {
    const embedding = sinusoid(999, 320, unetTimestep);
    for (let i = 0; i < 160; i++) expect(embedding[i]! ** 2 + embedding[i + 160]! ** 2).toBeCloseTo(1, 6);
  });
});

describe('guidanceEmbedding', () => {
  it('embeds no guidance, scale 1, as position 0', () => {
    expect([...guidanceEmbedding(1, 4)]).toEqual([0, 0, 1, 1]);
  });

  it('embeds scale 8 as 7000, sines first', () => {
    const embedding = guidanceEmbedding(8, 256);
    expect(embedding).toHaveLength(256);
    expect(embedding[0]).toBeCloseTo(Math.sin(7000), 6);
    expect(embedding[128]).toBeCloseTo(Math.cos(7000), 6);
    expect(embedding[127]).toBeCloseTo(Math.sin(0.7), 5);
  });
});
