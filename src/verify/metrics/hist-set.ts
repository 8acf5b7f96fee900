import {
  colorHistograms,
  type HistogramDistance,
  histogramDistance,
  histogramDistances,
  histogramKinds,
  toHsv,
} from '../../metrics/color-histogram.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';

/** Histograms of colours, and every distance between them. */
export const verifyHistSet: VerifyMetricsSet = async function* (set) {
  const indices = set.indices((n) => `image${n}`);
  const pictures = await Promise.all(indices.map((i) => set.picture(`image${i}`)));
  for (const [i, { data }] of pictures.entries())
    if (set.has(`hsv${i}`)) {
      const pixels = Array.from({ length: data.length / 3 }, (_, k) => data.subarray(3 * k, 3 * k + 3));
      yield await set.compare(
        `hsv${i}`,
        pixels.flatMap(([r, g, b]) => toHsv(r!, g!, b!)),
      );
    }
  for (const kind of histogramKinds) {
    const histograms = pictures.map((picture) => colorHistograms(picture, kind));
    for (const [i, own] of histograms.entries()) {
      if (set.has(`${kind}.${i}`))
        yield await set.compare(
          `${kind}.${i}`,
          own.flatMap((one) => [...one]),
        );
      for (const [j, other] of histograms.entries()) {
        const value = `${kind}.${i}${j}`;
        if (!(value in set.json.values)) continue;
        const between = (distance: HistogramDistance): number => histogramDistance(own, other, distance);
        const names = Object.keys(histogramDistances) as HistogramDistance[];
        const beside = Object.fromEntries(names.map((name) => [name, between(name)]));
        yield* set.value(value, between('hellinger'), { beside });
      }
    }
  }
};
