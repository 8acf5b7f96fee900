/** Histograms of a picture's colours and distances between them, as OpenCV takes them. */
import type { BytePixels } from '../image/pixels.ts';
import { roundHalfEven } from '../image/rounding.ts';

/**
 * - `rgb3d8`: RGB together, 8 bins a channel.
 * - `rgb256`: each channel alone, 256 bins; distances are averaged over the channels.
 * - `hsv2d`: hue in 50 bins and saturation in 60.
 */
export const histogramKinds = ['rgb3d8', 'rgb256', 'hsv2d'] as const;
export type HistogramKind = (typeof histogramKinds)[number];

/** Histograms that are compared one with one; each adds up to 1. */
export type Histograms = readonly Float64Array[];

const hueBins = 50;
const saturationBins = 60;

/** @param picture RGB */
export function colorHistograms(
  { data, channels, width, height }: BytePixels,
  kind: HistogramKind,
): Histograms {
  const count = width * height;
  const share = 1 / count;
  const perPixel = (bins: number, binOf: (at: number) => number): Float64Array => {
    const histogram = new Float64Array(bins);
    for (let i = 0; i < count; i++) histogram[binOf(i * channels)]! += share;
    return histogram;
  };
  switch (kind) {
    case 'rgb3d8':
      return [perPixel(512, (at) => (data[at]! >> 5) * 64 + (data[at + 1]! >> 5) * 8 + (data[at + 2]! >> 5))];
    case 'rgb256':
      return [0, 1, 2].map((channel) => perPixel(256, (at) => data[at + channel]!));
    case 'hsv2d':
      return [
        perPixel(hueBins * saturationBins, (at) => {
          const [hue, saturation] = toHsv(data[at]!, data[at + 1]!, data[at + 2]!);
          const hueBin = Math.floor((hue * hueBins) / 180);
          return hueBin * saturationBins + Math.floor((saturation * saturationBins) / 256);
        }),
      ];
  }
}

const fractionBits = 12;
const half = 1 << (fractionBits - 1);
const quotients = (numerator: number): Int32Array =>
  Int32Array.from({ length: 256 }, (_, i) => (i === 0 ? 0 : roundHalfEven((numerator << fractionBits) / i)));
const saturationUnits = quotients(255);
const hueUnits = Int32Array.from({ length: 256 }, (_, i) =>
  i === 0 ? 0 : roundHalfEven((180 << fractionBits) / (6 * i)),
);

/** Hue 0..179, saturation and value 0..255 in OpenCV's whole-number arithmetic. */
export function toHsv(
  r: number,
  g: number,
  b: number,
): readonly [hue: number, saturation: number, value: number] {
  const value = Math.max(r, g, b);
  const spread = value - Math.min(r, g, b);
  const saturation = (spread * saturationUnits[value]! + half) >> fractionBits;
  const sector = value === r ? g - b : value === g ? b - r + 2 * spread : r - g + 4 * spread;
  const hue = (sector * hueUnits[spread]! + half) >> fractionBits;
  return [hue < 0 ? hue + 180 : hue, saturation, value];
}

/** Distances of two histograms p and q; `intersection` and `correlation` are likenesses. */
export const histogramDistances = {
  /** √(1 − Σ √(pq)) */
  hellinger: (p, q) => Math.sqrt(Math.max(0, 1 - sumOver(p, q, (a, b) => Math.sqrt(a * b)))),
  /** Σ (p − q)²/p where p > 0 */
  chi2: (p, q) => sumOver(p, q, (a, b) => (a > 0 ? (a - b) ** 2 / a : 0)),
  l1: (p, q) => sumOver(p, q, (a, b) => Math.abs(a - b)),
  l2: (p, q) => Math.sqrt(sumOver(p, q, (a, b) => (a - b) ** 2)),
  intersection: (p, q) => sumOver(p, q, Math.min),
  /** Pearson's, over the bins. */
  correlation: (p, q) => {
    const [meanP, meanQ] = [p, q].map((values) => values.reduce((a, b) => a + b) / values.length) as [
      number,
      number,
    ];
    const product = sumOver(p, q, (a, b) => (a - meanP) * (b - meanQ));
    const squares = sumOver(p, p, (a) => (a - meanP) ** 2) * sumOver(q, q, (a) => (a - meanQ) ** 2);
    return squares === 0 ? 1 : product / Math.sqrt(squares);
  },
} as const satisfies Record<string, (p: Float64Array, q: Float64Array) => number>;
export type HistogramDistance = keyof typeof histogramDistances;

/** The mean distance over histograms that belong together. */
export function histogramDistance(a: Histograms, b: Histograms, distance: HistogramDistance): number {
  return a.reduce((sum, p, i) => sum + histogramDistances[distance](p, b[i]!), 0) / a.length;
}

function sumOver(p: Float64Array, q: Float64Array, term: (a: number, b: number) => number): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += term(p[i]!, q[i]!);
  return sum;
}
