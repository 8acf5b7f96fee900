/** Times `restore` on a folder of photos, from nothing loaded to the last file written. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import type { NetworkLoaders } from '../restore/loaded-networks.ts';
import { networkLoaders } from '../restore/network-loaders.ts';
import { runRestore } from '../restore/restore.ts';
import type { RestoreReport } from '../restore/restore-files.ts';
import type { RestoreFlags } from '../restore/restore-flags.ts';

export interface AlbumBenchResult {
  readonly photos: number;
  /** that were restored, of those found */
  readonly restored: number;
  readonly faces: number;
  readonly totalMs: number;
  /** What the networks took, loading and waiting for each other included; they run beside each other and the rest. */
  readonly stages: readonly { readonly name: string; readonly ms: number; readonly calls: number }[];
  /** How long this thread was busy: with pixels mostly. */
  readonly threadMs: number;
  readonly peakRssBytes: number;
}

/**
 * @param folder of photos; results go to a temporary folder
 * @throws {Error} if one of them cannot be restored, or the signal's reason
 */
export async function benchAlbum(
  folder: string,
  flags: Pick<RestoreFlags, 'device' | 'threads' | 'memory'>,
  signal: AbortSignal,
): Promise<AlbumBenchResult> {
  const output = await mkdtemp(path.join(tmpdir(), 'interlcm-album-'));
  const timings = new Map<string, { ms: number; calls: number }>();
  let report = '';
  try {
    const began = performance.now();
    const before = performance.eventLoopUtilization();
    const code = await runRestore(
      [folder],
      { ...flags, output, checkpoint: embeddedModel, json: true, format: 'input' } as RestoreFlags,
      {
        ...timed(networkLoaders(flags), timings),
        stdout: { write: (text) => (report += text) },
        stderr: process.stderr,
        signal,
      },
    );
    const totalMs = performance.now() - began;
    const { active } = performance.eventLoopUtilization(before);
    const { files } = JSON.parse(report) as RestoreReport;
    const failed = files.find(({ status }) => status === 'failed');
    if (code === 1) throw new Error(failed?.error ?? `Cannot restore ${folder}`);
    const faces = files.flatMap((file) => file.faces ?? []);
    return {
      photos: files.length,
      faces: faces.length,
      restored: faces.filter(({ status }) => status === 'restored').length,
      totalMs,
      stages: [...timings].map(([name, timing]) => ({ name, ...timing })),
      threadMs: active,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

type Timings = Map<string, { ms: number; calls: number }>;

/** The loaders, whose networks note what they take. */
function timed(loaders: NetworkLoaders, timings: Timings): NetworkLoaders {
  const timing =
    <Given extends unknown[], Result>(name: string, work: (...given: Given) => Promise<Result>) =>
    async (...given: Given): Promise<Result> => {
      const start = performance.now();
      try {
        return await work(...given);
      } finally {
        const { ms, calls } = timings.get(name) ?? { ms: 0, calls: 0 };
        timings.set(name, { ms: ms + performance.now() - start, calls: calls + 1 });
      }
    };
  return {
    ...loaders,
    loadDetector: timing('loading the detector', async (file) => {
      const detector = await loaders.loadDetector(file);
      return { ...detector, detect: timing('looking for faces', detector.detect) };
    }),
    loadRestorer: timing('loading the model', async (checkpoint, options) => {
      const restorer = await loaders.loadRestorer(checkpoint, options);
      return { ...restorer, restore: timing('restoring faces', restorer.restore) };
    }),
    loadDescriber: timing('loading the describer', async (size) => {
      const describer = await loaders.loadDescriber(size);
      return { ...describer, describe: timing('describing faces', describer.describe) };
    }),
  };
}

export function formatAlbum(result: AlbumBenchResult): string {
  const seconds = (ms: number): string => `${(ms / 1e3).toFixed(1)} s`;
  const row = (name: string, calls: number, ms: number): string =>
    [`  ${name}`.padEnd(28), `${calls}×`.padStart(5), seconds(ms).padStart(10)].join('');
  return [
    `${result.photos} photos, ${result.restored} of ${result.faces} faces restored: ${seconds(result.totalMs)}; peak memory ${(result.peakRssBytes / 1e9).toFixed(2)} GB`,
    ...result.stages.map(({ name, calls, ms }) => row(name, calls, ms)),
    row('pixels, in this thread', 1, result.threadMs),
    'Networks run beside each other and beside the rest: the rows add up to more than the whole.',
    '',
  ].join('\n');
}
