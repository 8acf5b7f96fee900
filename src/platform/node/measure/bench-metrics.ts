/** Times the networks that metrics run, on pictures of 512 × 512, against the machine's own matrix products. */
import path from 'node:path';
import { graphFlops } from '../../../graph/cost.ts';
import { tensorToPixels } from '../../../image/pixel-tensor.ts';
import { toBytePixels } from '../../../image/pixels.ts';
import type { MetricPicture } from '../../../measure/picture-measure.ts';
import { statisticsOf } from '../../../metrics/feature-statistics.ts';
import { frechetDistance } from '../../../metrics/frechet.ts';
import type { MetricName } from '../../../metrics/metric-table.ts';
import { openCvGray } from '../../../models/arcface/arcface-input.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { formulaImage, formulaNormal } from '../../../verify/formula.ts';
import { userCacheFolder } from '../files/user-cache-folder.ts';
import { makeFormulaMetrics, metricGraphs } from '../model/formula-metrics.ts';
import { findMetricWeights } from '../model/metric-weights.ts';
import { measurePeak } from './bench.ts';
import { loadMeasures } from './load-measures.ts';

interface MetricTiming {
  readonly name: MetricName;
  /** A picture, or a pair: decoded pixels to the score, resizing included; the least of several. */
  readonly ms: number;
  /** Of the network as defined. */
  readonly gflop: number;
  /** Of a large float32 matrix product, between the runs: the best one. */
  readonly peakGflops: number;
  readonly peakShare: number;
}

export interface MetricsBenchResult {
  readonly device: string;
  readonly metrics: readonly MetricTiming[];
  /** Of so many pictures' features to those of as many others: gathering both sets, and the distance. */
  readonly fid: { readonly pictures: number; readonly gatherMs: number; readonly ms: number };
  /** Of the process, with Inception. */
  readonly fidRssBytes: number;
  /** Of the process, with all networks. */
  readonly peakRssBytes: number;
}

const rounds = 5;
const side = 512;
const fidPictures = 3000;
/** Metrics, the graph that each runs, and how often. */
const timed: readonly [MetricName, keyof ReturnType<typeof metricGraphs>, number][] = [
  ['fid', 'inception', 1],
  ['musiq', 'musiq', 1],
  ['lpips', 'lpips-alex', 1],
  ['lpips-vgg', 'lpips-vgg', 1],
  ['ids', 'arcface', 2],
];

/** @param names those to time; all unless given */
export async function benchMetrics(
  runtime: Runtime,
  onProgress: (message: string) => void = () => {},
  names: readonly MetricName[] = timed.map(([name]) => name),
): Promise<MetricsBenchResult> {
  const folder = path.join(await userCacheFolder(), 'formula', 'metrics');
  await makeFormulaMetrics(folder, onProgress);
  const weights = ['inception', 'musiq', 'lpips-alex', 'alexnet', 'lpips-vgg', 'vgg16', 'arcface'] as const;
  const files = await findMetricWeights(weights, [folder], new Map());
  const { measures, release } = await loadMeasures(names, files, runtime);
  try {
    const [picture, truth] = [pictureOf('lq'), pictureOf('hq')];
    const graphs = metricGraphs();
    const metrics: MetricTiming[] = [];
    let fid = { pictures: fidPictures, gatherMs: 0, ms: 0 };
    let fidRssBytes = 0;
    for (const [name, graph, runs] of timed.filter(([name]) => names.includes(name))) {
      onProgress(name);
      const measure = measures.get(name)!;
      let [ms, peakGflops] = [Number.POSITIVE_INFINITY, 0];
      for (let round = 0; round <= rounds; round++) {
        const start = performance.now();
        await measure.measure(picture, truth);
        // The first loads what the size needs.
        if (round > 0) ms = Math.min(ms, performance.now() - start);
        // Whoever else uses the machine slows both.
        peakGflops = Math.max(peakGflops, await measurePeak(runtime));
      }
      const gflop = (runs * graphFlops([graphs[graph]])) / 1e9;
      metrics.push({ name, ms, gflop, peakGflops, peakShare: gflop / (ms / 1e3) / peakGflops });
      if (name === 'fid') {
        onProgress(`FID of ${fidPictures} pictures`);
        fid = timeFid();
        fidRssBytes = peakRss();
      }
    }
    return {
      device: `${runtime.device}: ${runtime.reason}`,
      metrics,
      fid,
      fidRssBytes,
      peakRssBytes: peakRss(),
    };
  } finally {
    await release();
  }
}

function peakRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function pictureOf(name: string): MetricPicture {
  const pixels = toBytePixels(tensorToPixels(formulaImage(1, side, name)));
  return { pixels, gray: async () => openCvGray(pixels) };
}

/** Features of Inception's size. */
function timeFid(): MetricsBenchResult['fid'] {
  const features = (name: string): Float32Array[] =>
    Array.from({ length: fidPictures }, (_, i) => formulaNormal(`${name}${i}`, [2048]).data);
  const [own, reference] = [features('own'), features('reference')];
  const start = performance.now();
  const [a, b] = [statisticsOf(own), statisticsOf(reference)];
  const gathered = performance.now();
  const distance = frechetDistance(a, b);
  if (!Number.isFinite(distance)) throw new Error('Cannot time FID: the distance is not finite');
  return { pictures: fidPictures, gatherMs: gathered - start, ms: performance.now() - gathered };
}
