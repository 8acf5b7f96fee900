/** A photo restored by the entry that runs anywhere: a runtime, and bytes of weights, are all it is given. */

import { openAsBlob } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { drawFaces, type FacePlace, renderPixels } from '../src/face/drawn-face.test-support.ts';
import {
  type BytePixels,
  blobCheckpointStore,
  type CheckpointStore,
  createFaceDescriber,
  createRestorer,
  createSsdFaceDetector,
  type FaceDescriber,
  type FaceDetector,
  findSubject,
  foldFaceRecognitionWeights,
  type HostTensor,
  inputOfSubject,
  laySubject,
  openCheckpoint,
  type PhotoFace,
  type PhotoTools,
  type Picture,
  parseTfjsWeights,
  type RestoreOptions,
  type Restorer,
  type Runtime,
  restorePhoto,
  restoreSubject,
} from '../src/index.ts';
import { createNodeRuntime } from '../src/platform/node/index.ts';

const project = path.resolve(import.meta.dirname, '..');
const faceApi = path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));

/** The embedded model's files as blobs; this runtime reads weights in place, named from the root on. */
function embeddedStore(): CheckpointStore {
  const fileOf = (name: string): string => path.join(project, 'models/embedded', name);
  const store = blobCheckpointStore('the embedded model', async (name) => {
    const isThere = await stat(fileOf(name)).catch(() => undefined);
    return isThere ? openAsBlob(fileOf(name)) : undefined;
  });
  return {
    ...store,
    openTensors: async (name) => {
      const opened = await store.openTensors(name);
      return opened && { ...opened, location: path.relative('/', fileOf(name)) };
    },
  };
}

async function faceApiWeights(model: string): Promise<Map<string, HostTensor>> {
  const file = path.join(faceApi, 'model', model);
  const manifest = await readFile(`${file}-weights_manifest.json`, 'utf8');
  return parseTfjsWeights(JSON.parse(manifest), await readFile(`${file}.bin`), file);
}

let runtime: Runtime;
let restorer: Restorer;
let detector: FaceDetector;
let describer: FaceDescriber;
let tools: PhotoTools;
let picture: Picture;
/** Calls of the model. */
const calls: RestoreOptions[] = [];

beforeAll(async () => {
  runtime = await createNodeRuntime({ device: 'cpu' });
  const model = await createRestorer(await openCheckpoint(embeddedStore()), runtime);
  restorer = {
    ...model,
    restore: (lq, options = {}) => {
      calls.push(options);
      return model.restore(lq, options);
    },
  };
  detector = await createSsdFaceDetector(runtime, {
    detector: await faceApiWeights('ssd_mobilenetv1_model'),
    landmarks: await faceApiWeights('face_landmark_68_model'),
  });
  const recognition = await faceApiWeights('face_recognition_model');
  describer = await createFaceDescriber(
    runtime,
    foldFaceRecognitionWeights(recognition, 'face-api'),
    model.imageSize,
  );
  tools = {
    restorer: async () => restorer,
    detector: async () => detector,
    describer: async () => describer,
  };
  const places = [
    { x: 10, y: 20, size: 230 },
    { x: 280, y: 60, size: 180 },
  ];
  picture = { pixels: await drawn(480, 270, places) };
});
afterAll(() => Promise.all([restorer, detector, describer].map((network) => network.release())));

it('is restored face by face, and laid again without the networks', async () => {
  const subject = await findSubject(picture.pixels, tools);
  if (subject.kind !== 'photo') throw new Error('not taken for a photo');
  expect(subject.faces.map(({ index }) => index)).toEqual([0, 1]);

  const done: [number, PhotoFace['status']][] = [];
  const restored = await restoreSubject(picture, subject, tools, {
    force: true,
    seed: 3,
    onFace: ({ status }, index) => done.push([index, status]),
  });
  if (restored.kind !== 'photo') throw new Error('not restored as a photo');
  expect(done).toEqual([
    [0, 'restored'],
    [1, 'restored'],
  ]);
  expect(calls.map(({ seed }) => seed)).toEqual([3, 3]);
  for (const { crop, restored: after, identityDistance } of restored.faces) {
    expect([crop.width, after?.result.width]).toEqual([512, 512]);
    expect(after?.result.data).not.toEqual(crop.data);
    expect(identityDistance).toBeGreaterThan(0);
  }

  const whole = await laySubject(picture, restored);
  const onlySecond = await laySubject(picture, { ...restored, faces: restored.faces.slice(1) });
  const half = await laySubject(picture, restored, { strength: 0.5 });
  const none = await laySubject(picture, restored, { strength: 0 });
  const large = await laySubject(picture, restored, { upscale: 2 });
  const gray = await laySubject(picture, restored, { color: 'gray' });
  expect(calls).toHaveLength(2);
  expect(none.pixels.data).toEqual(picture.pixels.data);
  const left = differences(whole.pixels.data, onlySecond.pixels.data, picture.pixels.width);
  expect(left.count).toBeGreaterThan(1000);
  expect(left.lastColumn).toBeLessThan(260);
  const full = differences(whole.pixels.data, picture.pixels.data, picture.pixels.width);
  const halved = differences(half.pixels.data, picture.pixels.data, picture.pixels.width);
  expect(halved.sum / full.sum).toBeGreaterThan(0.4);
  expect(halved.sum / full.sum).toBeLessThan(0.6);
  expect(large.pixels).toMatchObject({ width: 960, height: 540 });
  expect(inputOfSubject(picture, restored, { upscale: 2 })).toMatchObject({ width: 960, height: 540 });
  for (let i = 0; i < gray.pixels.data.length; i += 3)
    if (gray.pixels.data[i] !== gray.pixels.data[i + 1]) throw new Error(`a colour at ${i / 3}`);

  const faces = subject.faces.slice(1);
  const atOnce = await restorePhoto(picture.pixels, faces, restorer, { force: true, seed: 3 });
  expect(atOnce.pixels.data).toEqual(onlySecond.pixels.data);
});

it('stops between two faces when it is told to', async () => {
  calls.length = 0;
  const subject = await findSubject(picture.pixels, tools);
  const stopping = new AbortController();
  const reason = new Error('enough');
  const options = { force: true, signal: stopping.signal, onFace: () => stopping.abort(reason) };
  await expect(restoreSubject(picture, subject, tools, options)).rejects.toBe(reason);
  // The second call ends before its first network.
  expect(calls).toHaveLength(2);
});

it('shows one aligned face, restored as a whole', async () => {
  const pixels = await drawn(512, 512, [{ x: -64, y: -104, size: 640 }]);
  const restored = await restoreSubject({ pixels }, { kind: 'aligned', recognised: false }, tools, {
    seed: 3,
    // Drawn lines are sharp: it would be left alone.
    force: true,
  });
  if (restored.kind !== 'aligned') throw new Error('not restored as a whole');
  calls.length = 0;
  const whole = await laySubject({ pixels }, restored);
  const none = await laySubject({ pixels }, restored, { strength: 0 });
  expect(calls).toEqual([]);
  expect(whole.pixels).toMatchObject({ width: 512, height: 512, channels: 3 });
  expect(whole.pixels.data).not.toEqual(pixels.data);
  expect(none.pixels.data).toEqual(pixels.data);
  expect(inputOfSubject({ pixels }, restored).data).toEqual(pixels.data);
});

it('has no face, and needs no model', async () => {
  const pixels = await drawn(120, 90, []);
  const untouchable = { ...tools, restorer: () => Promise.reject(new Error('there is none')) };
  const subject = await findSubject(pixels, untouchable);
  expect(subject).toEqual({ kind: 'photo', faces: [] });
  const laid = await laySubject({ pixels }, await restoreSubject({ pixels }, subject, untouchable));
  expect(laid.untouched).toBe(true);
  expect(laid.pixels.data).toEqual(pixels.data);
});

async function drawn(width: number, height: number, places: readonly FacePlace[]): Promise<BytePixels> {
  const pixels = await renderPixels(drawFaces(width, height, places));
  return { ...pixels, data: Uint8Array.from(pixels.data) };
}

/** How much two pictures differ, and in which columns. */
function differences(a: ArrayLike<number>, b: ArrayLike<number>, width: number) {
  const found = { count: 0, sum: 0, lastColumn: -1 };
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    found.count++;
    found.sum += Math.abs(a[i]! - b[i]!);
    found.lastColumn = Math.max(found.lastColumn, Math.floor(i / 3) % width);
  }
  return found;
}
