/** The worker's networks: each loaded when it is first needed, the model kept while the same one is asked for. */

import { parseTfjsWeights } from '../../checkpoint/tfjs-weights.ts';
import { createFaceDescriber, type FaceDescriber } from '../../face/face-describer.ts';
import type { FaceDetector } from '../../face/face-detector.ts';
import { createSsdFaceDetector } from '../../face/ssd-face-detector.ts';
import { foldFaceRecognitionWeights } from '../../models/face-recognition/face-recognition-weights.ts';
import { createWebRuntime, loadRestorer, webCheckpointStore } from '../../platform/web/index.ts';
import { blobCheckpointStore, type WeightStore } from '../../restore/blob-checkpoint-store.ts';
import type { Restorer } from '../../restore/restorer.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import type { Device, ModelChoice } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { loadEngine, pageFile, pageFiles } from './page-files.ts';

export interface Networks {
  restorer(): Promise<Restorer>;
  detector(): Promise<FaceDetector>;
  describer(size: number): Promise<FaceDescriber>;
  device(): Promise<Device>;
}

/** Weights that are loaded here. */
export type LocalModel = Exclude<ModelChoice, { kind: 'service' }>;

let model: { readonly key: string; readonly restorer: Promise<Restorer> } | undefined;
let detector: Promise<FaceDetector> | undefined;
const describers = new Map<number, Promise<FaceDescriber>>();

/** @param tools of the call that needs them: told of downloads */
export function networksFor(choice: LocalModel, tools: CallTools): Networks {
  const networks: Networks = {
    restorer: () => {
      const key = keyOf(choice);
      if (model?.key === key) return model.restorer;
      void model?.restorer.then((old) => old.release()).catch(() => {});
      const restorer = loadModel(choice, tools);
      model = { key, restorer };
      restorer.catch(() => {
        if (model?.restorer === restorer) model = undefined;
      });
      return restorer;
    },
    detector: () => {
      detector ??= loadDetector(tools);
      detector.catch(() => {
        detector = undefined;
      });
      return detector;
    },
    describer: (size) => {
      const known = describers.get(size);
      if (known) return known;
      const loading = loadDescriber(size, tools);
      describers.set(size, loading);
      loading.catch(() => describers.delete(size));
      return loading;
    },
    device: async () => deviceOf(await networks.restorer()),
  };
  return networks;
}

function keyOf(choice: LocalModel): string {
  if (choice.kind === 'url') return choice.url;
  if (choice.kind === 'embedded') return choice.kind;
  return choice.files
    .map((file) => `${file.webkitRelativePath} ${file.size} ${file.lastModified}`)
    .join('\n');
}

async function loadModel(choice: LocalModel, tools: CallTools): Promise<Restorer> {
  const small = choice.kind === 'embedded';
  // All stages of the small model fit; a large one must leave memory for its photo.
  return loadRestorer(await storeOf(choice, tools), {
    memory: small ? 'balanced' : 'low',
    loadEngine: (device) => loadEngine(device, tools),
  });
}

async function storeOf(choice: LocalModel, tools: CallTools): Promise<WeightStore> {
  if (choice.kind === 'folder') {
    // A file's path begins with the name of the folder that was chosen.
    const inFolder = (file: File): string =>
      file.webkitRelativePath.slice(file.webkitRelativePath.indexOf('/') + 1);
    const files = new Map(choice.files.map((file) => [inFolder(file), file]));
    return blobCheckpointStore('the chosen folder', async (path) => files.get(path));
  }
  if (choice.kind === 'url')
    return webCheckpointStore(choice.url, {
      onProgress: ({ loadedBytes, totalBytes }) =>
        tools.onEvent({ kind: 'download', loadedBytes, totalBytes: totalBytes ?? 0 }),
    });
  const known = await pageFiles();
  return blobCheckpointStore('the model of this page', async (path) => {
    const name = `embedded/${path}`;
    return known.has(name) ? pageFile(name, tools) : undefined;
  });
}

const noWeights = async (): Promise<Uint8Array> => new Uint8Array();

async function loadDetector(tools: CallTools): Promise<FaceDetector> {
  const runtime = await createWebRuntime({
    device: 'wasm',
    loadWeights: noWeights,
    loadEngine: (device) => loadEngine(device, tools),
  });
  return createSsdFaceDetector(runtime, {
    detector: await faceWeights('ssd_mobilenetv1_model', tools),
    landmarks: await faceWeights('face_landmark_68_model', tools),
  });
}

async function loadDescriber(size: number, tools: CallTools): Promise<FaceDescriber> {
  const name = 'face_recognition_model';
  const runtime = await createWebRuntime({
    device: 'wasm',
    loadWeights: noWeights,
    loadEngine: (device) => loadEngine(device, tools),
  });
  const weights = foldFaceRecognitionWeights(await faceWeights(name, tools), `face-api's ${name}`);
  return createFaceDescriber(runtime, weights, size);
}

async function faceWeights(name: string, tools: CallTools): Promise<Map<string, HostTensor>> {
  const manifest = await pageFile(`faces/${name}-weights_manifest.json`, tools);
  const file = `faces/${name}.bin`;
  const bytes = new Uint8Array(await (await pageFile(file, tools)).arrayBuffer());
  return parseTfjsWeights(JSON.parse(await manifest.text()), bytes, file);
}

function deviceOf({ device }: Restorer): Device {
  const isolated = globalThis.crossOriginIsolated;
  const threads = isolated ? navigator.hardwareConcurrency : 1;
  if (device.startsWith('webgpu')) return { name: 'WebGPU', threads, isolated };
  const without = /no adapter/.test(device) ? 'no-adapter' : 'wrong-results';
  return { name: 'WebAssembly', threads, without, isolated };
}
