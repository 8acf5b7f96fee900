/** Offers the engine to a test that drives the browser. */

import { memorySource } from '../../src/checkpoint/byte-source.ts';
import { openTensorFile, readTensor } from '../../src/checkpoint/tensor-file.ts';
import { createWebRuntime } from '../../src/platform/web/index.ts';
import { openCheckpoint } from '../../src/restore/checkpoint.ts';
import { bindInMemory } from '../../src/verify/metrics/set-weights.ts';
import { verifyMetricsSet } from '../../src/verify/metrics/verify-metrics.ts';
import type { VerifyRow } from '../../src/verify/report.ts';
import type { ReadTensor } from '../../src/verify/restoration.ts';
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

/** Whether reference values of a metric that are served beside the page come out of the engine. */
async function verifyMetrics(name: string): Promise<VerifyRow[]> {
  const runtime = await createWebRuntime({ loadWeights: async () => new Uint8Array() });
  const get = async (file: string): Promise<Response> => {
    const response = await fetch(`reference/${file}`);
    // Vite answers for what is not there with the page itself.
    if (!response.ok || response.headers.get('content-type')?.startsWith('text/html'))
      throw new Error(`there is no ${file}`);
    return response;
  };
  const json: unknown = await (await get(`${name}.json`)).json();
  const bytes = await get(`${name}.safetensors`).then(
    async (response) => new Uint8Array(await response.arrayBuffer()),
    () => undefined,
  );
  const tensors = bytes && (await openTensorFile(memorySource(name, bytes)));
  const read: ReadTensor = async (tensor) =>
    tensors?.tensors.has(tensor) ? readTensor(tensors, tensor) : undefined;
  const readText = async (file: string): Promise<string> => (await get(file)).text();
  const rows: VerifyRow[] = [];
  for await (const row of verifyMetricsSet(json, read, { runtime, bind: bindInMemory, readText }))
    rows.push(row);
  return rows;
}

const engine = { runEngine, runEngineKernels, verifyMetrics };
export type Engine = typeof engine;
Object.assign(globalThis, { engine });
