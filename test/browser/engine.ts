/** Offers the engine to a test that drives the browser. */
import { demoWeights } from '../../src/page/demo-weights.ts';
import { createWebRuntime, type WebDeviceChoice } from '../../src/platform/web/index.ts';
import { openCheckpoint } from '../../src/restore/checkpoint.ts';
import { restoreFormulaImage, runKernels, type TensorValues } from './engine-cases.ts';

export interface EngineResult {
  readonly device: string;
  readonly reason: string;
  readonly restored: TensorValues;
  readonly kernels: TensorValues;
}

async function runEngine(device: WebDeviceChoice): Promise<EngineResult> {
  const store = await demoWeights();
  const runtime = await createWebRuntime({ device, loadWeights: store.loadWeights });
  return {
    device: runtime.device,
    reason: runtime.reason,
    kernels: await runKernels(runtime),
    restored: await restoreFormulaImage(await openCheckpoint(store), runtime),
  };
}

export type RunEngine = typeof runEngine;
Object.assign(globalThis, { runEngine });
