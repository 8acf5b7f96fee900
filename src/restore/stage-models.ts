/** From stages' graphs to models that a runtime can load: passes applied, weights bound. */

import { graphFlops } from '../graph/cost.ts';
import { topologicalOrder } from '../graph/graph.ts';
import { type BindParameter, emitModel } from '../graph/onnx/emit-model.ts';
import { parameter } from '../graph/ops.ts';
import { hoist } from '../graph/passes/hoist.ts';
import { useWinograd, type WinogradOptions } from '../graph/passes/winograd.ts';
import { isOp, type Value } from '../graph/value.ts';
import type { StageModel } from '../runtime/stage-pool.ts';
import { elementCount } from '../tensor/host-tensor.ts';
import type { StageName } from './restore-faces.ts';

/**
 * Computes values that depend on weights alone, and tells where they are kept. Without it a runtime computes them
 * whenever it loads a model, and holds them in memory.
 */
export type PrepareWeights = (
  stage: string,
  values: ReadonlyMap<string, Value>,
  bind: BindParameter,
) => Promise<BindParameter>;

type Outputs = Readonly<Record<string, Value>>;

/** `low` keeps one stage loaded and no transformed weights of the large networks; `fast` keeps and transforms all. */
export type MemoryMode = 'low' | 'balanced' | 'fast';

interface StagePlan {
  /** How convolutions of a stage are rewritten; undefined leaves them direct. */
  readonly winograd: (stage: string) => WinogradOptions | undefined;
  /** Estimated bytes that loaded stages may take together. */
  readonly budgetBytes: number;
}

const megabyte = 2 ** 20;
/** The networks that run at every step hold most of the weights. */
const largeStages: ReadonlySet<string> = new Set(['spatial', 'unet'] satisfies StageName[]);
/** Weights of a stage, or transformed ones, that are not worth a file: the runtime makes what it needs as it loads a model. */
const smallWeights = 64 * megabyte;

export const stagePlans: Readonly<Record<MemoryMode, StagePlan>> = {
  low: {
    winograd: (stage) => (largeStages.has(stage) ? undefined : { minSide: 16, bandBytes: 20 * megabyte }),
    budgetBytes: 0,
  },
  balanced: {
    // Of the large networks, where kernels are small and images large: the most time for a byte of transformed weights.
    winograd: (stage) => ({ minSide: largeStages.has(stage) ? 64 : 16, bandBytes: 20 * megabyte }),
    budgetBytes: 8.0e9,
  },
  fast: {
    winograd: () => ({ minSide: 16, bandBytes: 40 * megabyte }),
    budgetBytes: Number.POSITIVE_INFINITY,
  },
};

export type StageModels<Stage extends string = StageName> = Readonly<
  Record<Stage, StageModel & { readonly flops: number }>
>;

/** Models of all stages as the plan rewrites them, with estimates of memory (bytes) and arithmetic (FLOPs as defined, before rewriting). */
export async function buildStageModels<Stage extends string>(
  graphs: { readonly [Each in Stage]?: Outputs },
  bind: BindParameter,
  plan: StagePlan,
  prepare?: PrepareWeights,
): Promise<StageModels<Stage>> {
  const models: Partial<Record<Stage, StageModels[StageName]>> = {};
  for (const [stage, outputs] of Object.entries(graphs) as [Stage, Outputs][]) {
    // What is small is laid out anew by the runtime instead: as fast as Winograd there, and sooner loaded.
    const packWeights = weightBytes(Object.values(outputs)) < smallWeights;
    const options = packWeights ? undefined : plan.winograd(stage);
    const rewritten = options ? useWinograd(outputs, options) : outputs;
    const prepared = prepare ? await moveOut(stage, rewritten, bind, prepare) : { outputs: rewritten, bind };
    models[stage] = {
      model: emitModel(stage, prepared.outputs, prepared.bind),
      ...footprint(Object.values(prepared.outputs)),
      flops: graphFlops(Object.values(outputs)),
      // Without a budget each large stage is let go after it has run, its scratch memory with it.
      options: { packWeights, sharesScratch: packWeights || plan.budgetBytes > 0 },
    };
  }
  return models as StageModels<Stage>;
}

/** Moves what depends on weights alone out of a stage's graph. */
async function moveOut(
  stage: string,
  outputs: Outputs,
  bind: BindParameter,
  prepare: PrepareWeights,
): Promise<{ outputs: Outputs; bind: BindParameter }> {
  const { body, hoisted } = hoist(
    outputs,
    (leaf) => isOp(leaf, 'Parameter'),
    (value, i) => parameter(`prepared/${stage}.${i}`, value.shape),
  );
  const bytes = [...hoisted.values()].reduce((sum, value) => sum + 4 * elementCount(value.shape), 0);
  if (bytes < smallWeights) return { outputs, bind };
  const bindPrepared = await prepare(stage, hoisted, bind);
  return {
    outputs: body,
    bind: (name, shape) => (hoisted.has(name) ? bindPrepared : bind)(name, shape),
  };
}

/** Scratch memory of a run, in sizes of its largest tensor: as measured on the autoencoder, where it matters most. */
const scratchTensors = 6;

/** Estimates of the memory that a graph takes while it is loaded and runs. */
export function footprint(outputs: readonly Value[]): { weightBytes: number; scratchBytes: number } {
  let largest = 0;
  for (const value of topologicalOrder(outputs))
    if (!isOp(value, 'Parameter')) largest = Math.max(largest, 4 * elementCount(value.shape));
  return { weightBytes: weightBytes(outputs), scratchBytes: scratchTensors * largest };
}

function weightBytes(outputs: readonly Value[]): number {
  return topologicalOrder(outputs)
    .filter((value) => isOp(value, 'Parameter'))
    .reduce((bytes, { shape }) => bytes + 4 * elementCount(shape), 0);
}
