/** ONNX Runtime in Node: native CPU kernels, WebGPU, and CUDA where its libraries are installed. */

import { availableParallelism } from 'node:os';
import path from 'node:path';
import { because } from '../../../failure/failure.ts';
// Before the library: it looks at the environment when it is loaded.
import './without-telemetry.ts';
import ort from 'onnxruntime-node';
import { ortSession } from '../../../runtime/ort-session.ts';
import type { DeviceChoice, DeviceName, Runtime, Session } from '../../../runtime/runtime.ts';
import { keepsMemory } from './kept-memory.ts';
import { plainOrtMessage } from './plain-ort-message.ts';

/** Parameter files are named relative to the root of the file system: weights may lie in any folder. */
const root = path.parse(process.cwd()).root;

/** Between operations of a network threads mostly wait for less. */
const shortWaitUs = '50';

/** How a parameter file is named in a model that this runtime loads. */
export function modelLocation(file: string): string {
  return path.relative(root, path.resolve(file)).split(path.sep).join('/');
}

/** 16 with AVX-512, else 8; elsewhere ONNX Runtime need not have such kernels, and running without them may crash. */
const convolutionBlocks = process.arch === 'x64' ? [16, 8] : [];

export interface NodeRuntimeOptions {
  readonly device?: DeviceChoice;
  /** CPU threads; as many as the machine has cores unless given. */
  readonly threads?: number;
  /**
   * Let a thread that waits for the next operation sleep soon. For networks that run beside other work: the cores are
   * left to it, at hardly any cost.
   */
  readonly shareCores?: boolean;
}

/**
 * Picks a device and says why.
 * @throws {Error} if the device asked for cannot be used here
 */
export async function createNodeRuntime({
  device = 'auto',
  threads = availableParallelism(),
  shareCores = false,
}: NodeRuntimeOptions = {}): Promise<Runtime> {
  const chosen = chooseDevice(device);
  const keepsScratch = chosen.device === 'cpu' && keepsMemory();
  return {
    ...chosen,
    convolutionBlocks: chosen.device === 'cpu' ? convolutionBlocks : [],
    sharesScratch: keepsScratch,
    async createSession(model, { packWeights = false, sharesScratch = false } = {}): Promise<Session> {
      const arena = !(sharesScratch && keepsScratch);
      const settings = { threads, shareCores, packWeights, arena, folder: model.folder ?? root };
      const options = sessionOptions(chosen.device, settings);
      const inner = await ort.InferenceSession.create(model.bytes, options).catch((cause: Error) => {
        throw because(
          new Error(`Cannot load ${model.name} on ${chosen.device}: ${plainOrtMessage(cause.message)}`, {
            cause,
          }),
          { code: 'device-unusable', device: chosen.device },
        );
      });
      return ortSession(inner, ort.Tensor, model, { writesInPlace: true });
    },
  };
}

function chooseDevice(choice: DeviceChoice): { device: DeviceName; reason: string } {
  const supported = new Set(ort.listSupportedBackends().map((backend) => backend.name));
  if (choice === 'auto')
    return {
      device: 'cpu',
      reason: 'the CPU is the device whose results are proven; others are taken where they are asked for',
    };
  if (!supported.has(choice))
    throw because(
      new Error(`Cannot use ${choice}: this build of ONNX Runtime has ${[...supported].join(', ')}`),
      { code: 'device-unusable', device: choice },
    );
  return { device: choice, reason: 'asked for' };
}

/** Images stay in the layout that graphs have: else transpositions take a sixth of the time of training. */
const deviceOptions: Partial<Record<DeviceName, ort.InferenceSession.ExecutionProviderConfig>> = {
  webgpu: { name: 'webgpu', preferredLayout: 'NCHW' },
};

interface SessionSettings extends Required<Pick<NodeRuntimeOptions, 'threads' | 'shareCores'>> {
  readonly packWeights: boolean;
  /** Whether the session holds its scratch memory between runs. */
  readonly arena: boolean;
  /** that parameter files are named relative to */
  readonly folder: string;
}

function sessionOptions(
  device: DeviceName,
  { threads, shareCores, packWeights, arena, folder }: SessionSettings,
): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [deviceOptions[device] ?? device, 'cpu'],
    // 'all' switches convolutions to a blocked layout and copies every weight to the heap.
    graphOptimizationLevel: packWeights ? 'all' : 'extended',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableMemPattern: false,
    enableCpuMemArena: arena,
    logSeverityLevel: 2,
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        // Prepacking copies memory-mapped weights to the heap.
        disable_prepacking: packWeights ? '0' : '1',
        ...(shareCores && { intra_op: { spin_duration_us: shortWaitUs } }),
      },
    },
  };
}
