import type { MetricsBenchResult } from '../../platform/node/measure/bench-metrics.ts';

/** Timings of the networks of metrics as lines for people. */
export function formatMetrics({
  device,
  metrics,
  fid,
  fidRssBytes,
  peakRssBytes,
}: MetricsBenchResult): string {
  const rows = metrics.map(({ name, ms, gflop, peakGflops, peakShare }) =>
    [
      name.padEnd(12),
      `${ms.toFixed(1)} ms`.padStart(12),
      `${gflop.toFixed(1)} GFLOP`.padStart(15),
      `${(100 * peakShare).toFixed(0)} % of peak`.padStart(15),
      ` (matrix products ${peakGflops.toFixed(0)} GFLOP/s meanwhile)`,
    ].join(''),
  );
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  return [
    `metrics of 512 x 512 on ${device}`,
    ...rows,
    `FID of ${fid.pictures} pictures' features to as many: gathered in ${(fid.gatherMs / 1e3).toFixed(1)} s, the distance in ${(fid.ms / 1e3).toFixed(1)} s; peak memory with Inception ${gigabytes(fidRssBytes)}`,
    `peak memory, all networks loaded, ${gigabytes(peakRssBytes)}`,
    '',
  ].join('\n');
}
