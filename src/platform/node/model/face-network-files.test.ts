import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeRetinaFaces, suppressOverlaps } from '../../../face/retina-boxes.ts';
import { emitModel } from '../../../graph/onnx/emit-model.ts';
import type { Value } from '../../../graph/value.ts';
import { pixelsToTensor } from '../../../image/pixel-tensor.ts';
import { createPixels, type FloatPixels, toBytePixels, toFloatPixels } from '../../../image/pixels.ts';
import { resizePixels } from '../../../image/resize.ts';
import { type Runtime, withSession } from '../../../runtime/runtime.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { loadFaceParser, loadRetinaFaceDetector, loadUpscaler } from './face-network-files.ts';
import {
  savedParsenet,
  savedRetinaface,
  savedUpscaler,
  savedWeight,
  saveNetwork,
} from './saved-network.test-support.ts';

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'face-networks-'));
  runtime = await createNodeRuntime({ device: 'cpu' });
});
afterAll(() => rm(folder, { recursive: true }));

/** The weights of a network in a file of the folder. */
async function save(file: string, outputs: Iterable<Value>, prefix = ''): Promise<string> {
  const full = path.join(folder, file);
  await saveNetwork(full, outputs, { prefix });
  return full;
}

function picture(width: number, height: number): FloatPixels {
  const data = Float32Array.from({ length: 3 * width * height }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return Math.round(127.5 + 90 * Math.sin(0.07 * x + (i % 3)) * Math.cos(0.05 * y));
  });
  return createPixels(width, height, 3, data);
}

describe('RetinaFace', () => {
  const build = savedRetinaface;
  const open = async () =>
    loadRetinaFaceDetector(
      await save('detection_mobilenet0.25_Final.pth', Object.values(build(64, 64)), 'module.'),
      runtime,
    );
  /** Scores of these weights lie near a half. */
  const minScore = 0.515;

  it('gives what its network says, in pixels of the photo', async () => {
    const photo = toBytePixels(picture(352, 320));
    const size = { width: 704, height: 640 };
    const enlarged = resizePixels(photo, size, 'bilinear');
    const model = emitModel('net', build(640, 704), (name, shape) => ({
      kind: 'inline',
      data: savedWeight(name, shape),
    }));
    const run = await withSession(runtime, model, (session) =>
      session.run({ image: pixelsToTensor(enlarged) }),
    );
    const [boxes, scores, landmarks] = [run['boxes']!.data, run['scores']!.data, run['landmarks']!.data];
    const decoded = decodeRetinaFaces({ boxes, scores, landmarks }, size, minScore);
    const expected = suppressOverlaps(decoded).map(({ score, box, landmarks: points }) => ({
      score,
      box: { x: box.x / 2, y: box.y / 2, width: box.width / 2, height: box.height / 2 },
      landmarks: points.map(([x, y]) => [x / 2, y / 2]),
    }));
    const wide = expected.filter(({ landmarks: [left, right] }) => {
      const [dx, dy] = [left![0]! - right![0]!, left![1]! - right![1]!];
      return Math.hypot(dx, dy) >= 5;
    });
    expect(wide.length).toBeGreaterThan(0);
    expect(wide.length).toBeLessThan(expected.length);

    const detector = await open();
    const found = await detector.detect(photo, { minScore, maxFaces: 1000 });
    expect(found).toHaveLength(wide.length);
    for (const face of found) expect(wide).toContainEqual(face);
    const areas = found.map(({ box }) => box.width * box.height);
    expect(areas).toEqual([...areas].sort((a, b) => b - a));
    expect((await detector.detect(photo, { minScore, maxFaces: 2 })).length).toBe(2);
    const least = Math.sqrt(areas[0]!);
    const large = await detector.detect(photo, { minScore, minSize: least });
    expect(large.every(({ box }) => Math.max(box.width, box.height) >= least)).toBe(true);
    await detector.release();
  });

  it('finds nothing where a photo is too narrow to show a face', async () => {
    const detector = await open();
    for (const [width, height] of [
      [1, 1],
      [3, 900],
      [2000, 16],
    ] as const)
      expect(await detector.detect(toBytePixels(picture(width, height)), { minScore: 0 })).toEqual([]);
    await detector.release();
  });

  it('keeps a box that somebody drew', async () => {
    const detector = await open();
    const box = { x: 40, y: 30, width: 60, height: 80 };
    const face = await detector.locate(toBytePixels(picture(200, 160)), box);
    expect(face).toMatchObject({ box, score: 1 });
    expect(face.landmarks).toHaveLength(5);
    await detector.release();
  });

  it('refuses the weights of another network', async () => {
    const { scores } = build(64, 64);
    const file = await save('part.pth', [scores]);
    await expect(loadRetinaFaceDetector(file, runtime)).rejects.toThrow(
      /part\.pth.*do not fit the RetinaFace network.*missing: BboxHead\.0\.conv1x1\.weight/,
    );
  });
});

describe('ParseNet', () => {
  it('labels each pixel with its largest class', async () => {
    const face = toBytePixels(picture(512, 512));
    const model = emitModel('net', { classes: savedParsenet(512) }, (name, shape) => ({
      kind: 'inline',
      data: savedWeight(name, shape),
    }));
    const run = await withSession(runtime, model, (session) => session.run({ image: pixelsToTensor(face) }));
    const scores = run['classes']!.data;
    const area = 512 ** 2;
    const parser = await loadFaceParser(await save('parsing_parsenet.pth', [savedParsenet(64)]), runtime);
    const labels = await parser.parse(face);
    expect(labels).toHaveLength(area);
    expect(new Set(labels).size).toBeGreaterThan(1);
    for (let i = 0; i < area; i += 997) {
      const each = Array.from({ length: 19 }, (_, c) => scores[c * area + i]!);
      expect(labels[i]).toBe(each.indexOf(Math.max(...each)));
    }
    expect(await parser.parse(resizePixels(face, { width: 256, height: 256 }, 'area'))).toHaveLength(
      256 ** 2,
    );
    await expect(parser.parse(toBytePixels(picture(20, 10)))).rejects.toThrow(/20 x 10 .* square/);
    await parser.release();
  });
});

describe('RRDBNet', () => {
  const file = () => save('upscaler.pth', [savedUpscaler(8)]);

  it('enlarges tile by tile as it does the whole', async () => {
    const photo = picture(160, 160);
    const whole = await loadUpscaler(await file(), runtime, { tile: 160, margin: 0 });
    // Twenty convolutions at half the size, then three, see less than 48 pixels around them.
    const tiled = await loadUpscaler(await file(), runtime, { tile: 128, margin: 48 });
    expect(tiled.scale).toBe(2);
    const fractions: number[] = [];
    const result = await tiled.upscale(photo, { onProgress: (fraction) => fractions.push(fraction) });
    expect(fractions).toEqual([0.25, 0.5, 0.75, 1]);
    const expected = await whole.upscale(photo);
    expect(result).toMatchObject({ width: 320, height: 320, channels: 3 });
    // Float32 rounding of values in 0..255.
    result.data.forEach((value, i) => {
      if (!(Math.abs(value - expected.data[i]!) < 1e-2)) expect.fail(`pixel ${i} differs: ${value}`);
    });
    expect(new Set(expected.data).size).toBeGreaterThan(100);
    const bytes = await tiled.upscale(toBytePixels(photo));
    expect(bytes.data).toEqual(toBytePixels(toFloatPixels(result)).data);
    await whole.release();
    await tiled.release();
  });

  it('keeps 16 pixels off the cuts unless told otherwise', async () => {
    const upscaler = await loadUpscaler(await file(), runtime, { tile: 64 });
    // Two tiles of 64 that give 16 pixels to the cut between them reach over 96.
    for (const [width, tiles] of [
      [96, 2],
      [97, 3],
    ] as const) {
      let reports = 0;
      await upscaler.upscale(picture(width, 8), { onProgress: () => reports++ });
      expect(reports).toBe(tiles);
    }
    await upscaler.release();
  });

  it('enlarges photos smaller than a tile', async () => {
    const upscaler = await loadUpscaler(await file(), runtime, { tile: 64, margin: 8 });
    expect(await upscaler.upscale(picture(5, 1))).toMatchObject({ width: 10, height: 2 });
    await upscaler.release();
  });

  it('stops when it is told to, and refuses what it cannot do', async () => {
    const upscaler = await loadUpscaler(await file(), runtime, { tile: 32, margin: 4 });
    const signal = AbortSignal.abort();
    await expect(upscaler.upscale(picture(64, 64), { signal })).rejects.toThrow(/abort/);
    const gray = createPixels(4, 4, 1, new Uint8Array(16));
    await expect(upscaler.upscale(gray)).rejects.toThrow(/1 channels: expected RGB/);
    await upscaler.release();
    await expect(loadUpscaler(await file(), runtime, { tile: 30 })).rejects.toThrow(/tiles of 30/);
  });
});
