import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTorchArchive } from '../../checkpoint/torch-archive-writer.ts';
import { decodeRetinaFaces, suppressOverlaps } from '../../face/retina-boxes.ts';
import { parametersOf } from '../../graph/graph.ts';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import type { Shape, Value } from '../../graph/value.ts';
import { pixelsToTensor } from '../../image/pixel-tensor.ts';
import { createPixels, type FloatPixels, toBytePixels, toFloatPixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { buildParsenet } from '../../models/parsenet/parsenet.ts';
import { buildRetinaface } from '../../models/retinaface/retinaface.ts';
import { buildRrdbnet } from '../../models/rrdbnet/rrdbnet.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { type Runtime, withSession } from '../../runtime/runtime.ts';
import { formulaWeight } from '../../verify/formula.ts';
import { openFaceParser, openRetinaFaceDetector, openUpscaler } from './face-network-files.ts';
import { createNodeRuntime } from './node-runtime.ts';

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'face-networks-'));
  runtime = await createNodeRuntime({ device: 'cpu' });
});
afterAll(() => rm(folder, { recursive: true }));

const root = () => parameterScope('net');
/** Variances about one, landmarks far apart, everything else as the formula has it. */
function weight(name: string, shape: Shape): Float32Array {
  const values = formulaWeight(name, shape);
  if (name.includes('LandmarkHead')) return values.map((value) => 50 * value);
  return name.endsWith('.running_var') ? values.map((value) => value + 1) : values;
}

/** The weights of a network as torch.save writes them. */
async function save(file: string, outputs: Iterable<Value>, prefix = ''): Promise<string> {
  const params = [...parametersOf(outputs)].map(([name, { shape }]) => ({
    name: prefix + name.slice('net/'.length),
    shape,
    data: weight(name, shape),
  }));
  const full = path.join(folder, file);
  await writeFile(full, Buffer.concat([...encodeTorchArchive({ params })]));
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
  const config = { backbone: 'mobilenet0.25', width: 64, backboneWidth: 64 } as const;
  const build = (height: number, width: number) =>
    buildRetinaface(root(), config, input('image', [1, 3, height, width]));
  const open = async () =>
    openRetinaFaceDetector(
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
      data: weight(name, shape),
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
    await expect(openRetinaFaceDetector(file, runtime)).rejects.toThrow(
      /part\.pth.*do not fit the RetinaFace network.*missing: BboxHead\.0\.conv1x1\.weight/,
    );
  });
});

describe('ParseNet', () => {
  const small = { halvings: 2, width: 2, mostWidth: 4, blocks: 1 };
  const network = (size: number) => buildParsenet(root(), small, input('image', [1, 3, size, size]));

  it('labels each pixel with its largest class', async () => {
    const face = toBytePixels(picture(512, 512));
    const model = emitModel('net', { classes: network(512) }, (name, shape) => ({
      kind: 'inline',
      data: weight(name, shape),
    }));
    const run = await withSession(runtime, model, (session) => session.run({ image: pixelsToTensor(face) }));
    const scores = run['classes']!.data;
    const area = 512 ** 2;
    const parser = await openFaceParser(await save('parsing_parsenet.pth', [network(64)]), runtime);
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
  const config = { scale: 2, width: 8, growth: 4, blocks: 1 } as const;
  const file = () => save('upscaler.pth', [buildRrdbnet(root(), config, input('image', [1, 3, 8, 8]))]);

  it('enlarges tile by tile as it does the whole', async () => {
    const photo = picture(160, 160);
    const whole = await openUpscaler(await file(), runtime, { tile: 160, margin: 0 });
    // Twenty convolutions at half the size, then three, see less than 48 pixels around them.
    const tiled = await openUpscaler(await file(), runtime, { tile: 128, margin: 48 });
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

  it('enlarges photos smaller than a tile', async () => {
    const upscaler = await openUpscaler(await file(), runtime, { tile: 64, margin: 8 });
    expect(await upscaler.upscale(picture(5, 1))).toMatchObject({ width: 10, height: 2 });
    await upscaler.release();
  });

  it('stops when it is told to, and refuses what it cannot do', async () => {
    const upscaler = await openUpscaler(await file(), runtime, { tile: 32, margin: 4 });
    const signal = AbortSignal.abort();
    await expect(upscaler.upscale(picture(64, 64), { signal })).rejects.toThrow(/abort/);
    const gray = createPixels(4, 4, 1, new Uint8Array(16));
    await expect(upscaler.upscale(gray)).rejects.toThrow(/1 channels: expected RGB/);
    await upscaler.release();
    await expect(openUpscaler(await file(), runtime, { tile: 30 })).rejects.toThrow(/tiles of 30/);
  });
});
