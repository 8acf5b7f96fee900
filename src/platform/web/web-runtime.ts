/** ONNX Runtime in a browser: WebAssembly, and WebGPU where the browser offers an adapter. */
import type * as Ort from 'onnxruntime-web';
import type { OnnxModel } from '../../graph/onnx/emit-model.ts';
import { ortSession } from '../../runtime/ort-session.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { findAttentionProblem } from './attention-check.ts';

/** What may be asked for in a browser; `auto` takes WebGPU where it is there and computes correctly. */
export type WebDeviceChoice = 'auto' | 'webgpu' | 'wasm';

export interface WebRuntimeOptions {
  readonly device?: WebDeviceChoice;
  /**
   * WebAssembly threads: as many as the machine has cores unless given. More than one needs a cross-origin isolated
   * page.
   */
  readonly threads?: number;
  /** The bytes of a weight file, by the name that models give it. */
  readonly loadWeights: (location: string) => Promise<Uint8Array>;
  /** ONNX Runtime's WebAssembly for a device; undefined: the file beside its script is fetched. */
  readonly loadEngine?: (device: 'webgpu' | 'wasm') => Promise<ArrayBuffer | undefined>;
}

/**
 * Picks a device, says why, and loads ONNX Runtime's build for it. WebGPU is tried first and must get an attention
 * right. A worker is the place for it: WebAssembly runs hold up the thread they are called from.
 * @throws {Error} if WebGPU is asked for and cannot be used
 */
export async function createWebRuntime(options: WebRuntimeOptions): Promise<Runtime> {
  const { device = 'auto' } = options;
  if (device === 'wasm') return openRuntime('wasm', 'asked for', options);
  let problem: string | undefined = 'this browser offers no adapter';
  if (await hasWebGpu()) {
    const reason = device === 'auto' ? 'this browser offers it' : 'asked for';
    const runtime = await openRuntime('webgpu', reason, options);
    problem = await findAttentionProblem(runtime);
    if (!problem) return runtime;
  }
  if (device === 'webgpu')
    throw new Error(`Cannot use webgpu: ${problem}. Take wasm, or a browser where WebGPU works`);
  return openRuntime('wasm', `WebGPU cannot be used: ${problem}`, options);
}

async function openRuntime(
  device: 'webgpu' | 'wasm',
  reason: string,
  { threads = navigator.hardwareConcurrency, loadWeights, loadEngine }: WebRuntimeOptions,
): Promise<Runtime> {
  const ort: typeof Ort =
    device === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
  const usableThreads = globalThis.crossOriginIsolated ? threads : 1;
  ort.env.wasm.numThreads = usableThreads;
  const engine = await loadEngine?.(device);
  if (engine) ort.env.wasm.wasmBinary = engine;
  const count = usableThreads === 1 ? '1 thread' : `${usableThreads} threads`;
  return {
    device,
    reason: device === 'wasm' ? `${reason}; ${count}` : reason,
    convolutionBlocks: [],
    sharesScratch: false,
    async createSession(model, { packWeights = false } = {}) {
      const settings = await sessionOptions(device, model, loadWeights, packWeights);
      const inner = await ort.InferenceSession.create(model.bytes, settings);
      return yieldingSession(ortSession(inner, ort.Tensor, model, { writesInPlace: false }));
    },
  };
}

/** The part of WebGPU that tells whether there is a device. */
interface GpuNavigator {
  readonly gpu?: { requestAdapter(): Promise<object | null> };
}

async function hasWebGpu(): Promise<boolean> {
  const adapter = await (navigator as GpuNavigator).gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter);
}

async function sessionOptions(
  device: 'webgpu' | 'wasm',
  { locations }: OnnxModel,
  loadWeights: (location: string) => Promise<Uint8Array>,
  packWeights: boolean,
): Promise<Ort.InferenceSession.SessionOptions> {
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const path of locations) externalData.push({ path, data: await loadWeights(path) });
  return {
    executionProviders: device === 'webgpu' ? ['webgpu', 'wasm'] : ['wasm'],
    graphOptimizationLevel: packWeights ? 'all' : 'extended',
    enableMemPattern: false,
    externalData,
    // Threads that spin while they wait take time from others: the page, and whatever else runs.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3, // a warning for every model says that shapes are computed on the CPU, as they should be
  };
}

/** Before each run the thread's other events get their turn, so that a message to stop is heard. */
function yieldingSession(session: Session): Session {
  return {
    ...session,
    async run(feeds, outputs) {
      await new Promise((resolve) => setTimeout(resolve));
      return session.run(feeds, outputs);
    },
  };
}
