/** Measures one restoration, stage by stage, against the machine's own matrix products. */
import { emitModel, noParameters } from '../../../graph/onnx/emit-model.ts';
import { input, matmul } from '../../../graph/ops.ts';
import { openCheckpoint } from '../../../restore/checkpoint.ts';
import { loadStages } from '../../../restore/create-restorer.ts';
import { modelImageSize } from '../../../restore/restoration-graphs.ts';
import { type RunStage, restoreFaces, type StageName } from '../../../restore/restore-faces.ts';
import type { MemoryMode } from '../../../restore/stage-models.ts';
import { type Runtime, withSession } from '../../../runtime/runtime.ts';
import { hostTensor } from '../../../tensor/host-tensor.ts';
import { type FormulaSpec, formulaImage, microSpec, sd15Spec } from '../../../verify/formula.ts';
import { chooseMemoryMode } from '../engine/memory-mode.ts';
import { weightCache } from '../engine/weight-cache.ts';
import { openCheckpointFolder } from '../model/checkpoint-store.ts';
import { formulaFolder, makeFormulaCheckpoint } from '../model/formula-checkpoint.ts';

const benchSizes = {
  micro: { ...microSpec, image_size: 512 },
  sd15: sd15Spec,
} as const satisfies Record<string, FormulaSpec>;
type BenchSize = keyof typeof benchSizes;

interface StageTiming {
  readonly name: string;
  /** All calls of one face together. */
  readonly ms: number;
  readonly calls: number;
  /** Arithmetic of the networks as defined, before any rewriting. */
  readonly gflop: number;
  /** gflop/ms over the measured peak; above 1 where a rewritten convolution does less arithmetic. */
  readonly peakShare: number;
}

export interface BenchResult {
  readonly size: BenchSize;
  readonly device: string;
  readonly memory: MemoryMode;
  /** Of a large float32 matrix product in this process. */
  readonly peakGflops: number;
  /** Opening files, building graphs, creating sessions; not the making of formula weights or transformed ones. */
  readonly loadMs: number;
  /** Making transformed weights, when they were not in the cache yet. */
  readonly prepareMs: number;
  /** One face, sessions warm where the memory mode keeps them. */
  readonly totalMs: number;
  /** The first face, with everything that is loaded on the way. */
  readonly firstMs: number;
  readonly peakRssBytes: number;
  readonly stages: readonly StageTiming[];
}

/** Restores one formula face twice and times the second. */
export async function benchRestoration(
  size: BenchSize,
  runtime: Runtime,
  requestedMemory: MemoryMode | undefined,
  onProgress: (message: string) => void = () => {},
): Promise<BenchResult> {
  const spec = benchSizes[size];
  const folder = await formulaFolder(spec);
  await makeFormulaCheckpoint(spec, folder, onProgress);

  const start = performance.now();
  const store = await openCheckpointFolder(folder);
  try {
    const checkpoint = await openCheckpoint(store);
    const memory = requestedMemory ?? chooseMemoryMode(checkpoint);
    let prepareMs = 0;
    const cache = weightCache(folder, runtime, onProgress);
    const side = modelImageSize(checkpoint);
    const stages = await loadStages(
      checkpoint,
      runtime,
      { batch: 1, height: side, width: side },
      {
        memory,
        prepare: async (...args) => {
          const prepareStart = performance.now();
          const bind = await cache(...args);
          prepareMs += performance.now() - prepareStart;
          return bind;
        },
      },
    );
    const builtMs = performance.now() - start - prepareMs;

    const timings = new Map<StageName, { ms: number; calls: number }>();
    const timed: RunStage = async (stage, feeds) => {
      const stageStart = performance.now();
      const results = await stages.run(stage, feeds);
      const timing = timings.get(stage) ?? { ms: 0, calls: 0 };
      timings.set(stage, { ms: timing.ms + performance.now() - stageStart, calls: timing.calls + 1 });
      return results;
    };
    const image = formulaImage(1, side);
    onProgress('first face');
    const firstMs = await elapsed(() => restoreFaces(checkpoint, timed, image));
    const sessionMs = stages.pool.loadMs;
    timings.clear();
    onProgress('second face');
    const totalMs = await elapsed(() => restoreFaces(checkpoint, timed, image));
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    await stages.pool.release();
    onProgress('matrix products');
    const peakGflops = await measurePeak(runtime);
    return {
      size,
      device: `${runtime.device}: ${runtime.reason}`,
      memory,
      peakGflops,
      loadMs: builtMs + sessionMs,
      prepareMs,
      totalMs,
      firstMs: firstMs + builtMs,
      peakRssBytes,
      stages: [...timings].map(([name, { ms, calls }]) => {
        const gflop = (stages.models[name].flops * calls) / 1e9;
        return { name, ms, calls, gflop, peakShare: gflop / (ms / 1e3) / peakGflops };
      }),
    };
  } finally {
    await store.close();
  }
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Best GFLOP/s of five 2048×2048×2048 products. */
export async function measurePeak(runtime: Runtime): Promise<number> {
  const n = 2048;
  const model = emitModel('peak', { c: matmul(input('a', [n, n]), input('b', [n, n])) }, noParameters);
  const feeds = { a: hostTensor([n, n]), b: hostTensor([n, n]) };
  feeds.a.data.fill(1);
  feeds.b.data.fill(1);
  return withSession(runtime, model, async (session) => {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) best = Math.min(best, await elapsed(() => session.run(feeds)));
    return (2 * n ** 3) / (best * 1e6);
  });
}
