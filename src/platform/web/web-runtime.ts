/** ONNX Runtime in a browser: WebAssembly, and WebGPU where the browser offers an adapter. */
import type * as Ort from 'onnxruntime-web';
import type { OnnxModel } from '../../graph/onnx/emit-model.ts';
import { ortSession } from '../../runtime/ort-session.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';

/** What may be asked for in a browser; `auto` takes WebGPU where there is an adapter. */
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
}

interface ChosenDevice {
  readonly device: 'webgpu' | 'wasm';
  readonly reason: string;
}

/**
 * Picks a device, says why, and loads ONNX Runtime's build for it. A worker is the place for it: WebAssembly runs
 * hold up the thread they are called from.
 * @throws {Error} if WebGPU is asked for and not there
 */
export async function createWebRuntime({
  device = 'auto',
  threads = navigator.hardwareConcurrency,
  loadWeights,
}: WebRuntimeOptions): Promise<Runtime> {
  const chosen = await chooseDevice(device);
  const ort: typeof Ort =
    chosen.device === 'webgpu'
      ? await import('onnxruntime-web/webgpu')
      : await import('onnxruntime-web/wasm');
  const usableThreads = globalThis.crossOriginIsolated ? threads : 1;
  ort.env.wasm.numThreads = usableThreads;
  const plural = usableThreads === 1 ? 'thread' : 'threads';
  const reason = chosen.device === 'wasm' ? `${chosen.reason}; ${usableThreads} ${plural}` : chosen.reason;
  return {
    device: chosen.device,
    reason,
    async createSession(model) {
      const inner = await ort.InferenceSession.create(
        model.bytes,
        await sessionOptions(chosen.device, model, loadWeights),
      );
      return yieldingSession(ortSession(inner, ort.Tensor, model));
    },
  };
}

async function chooseDevice(choice: WebDeviceChoice): Promise<ChosenDevice> {
  if (choice === 'wasm') return { device: 'wasm', reason: 'asked for' };
  const offered = await hasWebGpu();
  if (offered)
    return { device: 'webgpu', reason: choice === 'auto' ? 'this browser offers it' : 'asked for' };
  if (choice === 'webgpu')
    throw new Error('Cannot use webgpu: this browser offers no adapter. Take wasm, or a browser with WebGPU');
  return { device: 'wasm', reason: 'this browser offers no WebGPU adapter' };
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
): Promise<Ort.InferenceSession.SessionOptions> {
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const path of locations) externalData.push({ path, data: await loadWeights(path) });
  return {
    executionProviders: device === 'webgpu' ? ['webgpu', 'wasm'] : ['wasm'],
    graphOptimizationLevel: 'extended',
    enableMemPattern: false,
    externalData,
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
