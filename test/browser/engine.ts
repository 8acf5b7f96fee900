/** Offers the engine to a test that drives the browser. */

import { createWebRuntime } from '../../src/platform/web/index.ts';
import { openCheckpoint } from '../../src/restore/checkpoint.ts';
import { demoWeights } from './demo-weights.ts';
import { restoreFormulaImage, runKernels, type TensorValues } from './engine-cases.ts';
import { observeRuntime, type RuntimeObservations } from './runtime-contract.ts';

export interface EngineResult {
  readonly device: string;
  readonly reason: string;
  readonly restored: TensorValues;
  readonly kernels: TensorValues;
  readonly contract: RuntimeObservations;
}

async function runEngine(): Promise<EngineResult> {
  const store = await demoWeights();
  const runtime = await createWebRuntime({ loadWeights: store.loadWeights });
  return {
    device: runtime.device,
    reason: runtime.reason,
    contract: await observeRuntime(runtime),
    kernels: await runKernels(runtime),
    restored: await restoreFormulaImage(await openCheckpoint(store), runtime),
  };
}

/** The kernels alone: WebGPU on a software adapter takes minutes for a restoration. */
async function runEngineKernels(): Promise<Omit<EngineResult, 'restored' | 'contract'>> {
  const runtime = await createWebRuntime({ loadWeights: async () => new Uint8Array() });
  return { device: runtime.device, reason: runtime.reason, kernels: await runKernels(runtime) };
}

const engine = { runEngine, runEngineKernels };
export type Engine = typeof engine;
Object.assign(globalThis, { engine });
