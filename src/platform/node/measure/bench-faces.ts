/** Measures how long faces are looked for in a photo, at several sizes, stage by stage. */
import { ImagePyramid } from '../../../face/image-pyramid.ts';
import { createSsdFaceDetector } from '../../../face/ssd-face-detector.ts';
import { type BytePixels, toBytePixels } from '../../../image/pixels.ts';
import { resizePixels } from '../../../image/resize.ts';
import type { Runtime, Session } from '../../../runtime/runtime.ts';
import { readFaceNetworks } from '../model/load-face-detector.ts';

interface FaceStageTiming {
  readonly name: string;
  readonly ms: number;
  readonly calls: number;
}

interface FaceBenchSize {
  readonly width: number;
  readonly height: number;
  /** Of the fastest of some runs. */
  readonly totalMs: number;
  readonly faces: number;
  readonly stages: readonly FaceStageTiming[];
}

export interface FaceBenchResult {
  readonly device: string;
  /** Reading weights and making sessions. */
  readonly loadMs: number;
  readonly sizes: readonly FaceBenchSize[];
}

/** A photo of a camera, one of a screen, and a crop. */
const megapixels = [12, 2, 0.25];
const runs = 3;

/** Looks for the faces of a photo that was resized, some times at each size. */
export async function benchFaces(
  runtime: Runtime,
  photo: BytePixels,
  onProgress: (message: string) => void = () => {},
): Promise<FaceBenchResult> {
  const timings: Timings = new Map();
  const start = performance.now();
  const detector = await createSsdFaceDetector(timedRuntime(runtime, timings), await readFaceNetworks());
  const loadMs = performance.now() - start;
  try {
    const sizes: FaceBenchSize[] = [];
    for (const million of megapixels) {
      const pixels = resized(photo, 1e6 * million);
      const { width, height } = pixels;
      onProgress(`${width} x ${height}`);
      let best: FaceBenchSize | undefined;
      for (let run = 0; run < runs; run++) {
        timings.clear();
        const began = performance.now();
        const { length: faces } = await detector.detect(pixels);
        const totalMs = performance.now() - began;
        if (best && totalMs >= best.totalMs) continue;
        best = { width, height, totalMs, faces, stages: stagesOf(timings, totalMs, pixels) };
      }
      sizes.push(best!);
    }
    return { device: `${runtime.device}: ${runtime.reason}`, loadMs, sizes };
  } finally {
    await detector.release();
  }
}

function resized(photo: BytePixels, area: number): BytePixels {
  const scale = Math.sqrt(area / (photo.width * photo.height));
  const size = { width: Math.round(photo.width * scale), height: Math.round(photo.height * scale) };
  return toBytePixels(resizePixels(photo, size, scale < 1 ? 'area' : 'bilinear'));
}

type Timings = Map<string, { readonly ms: number; readonly calls: number }>;

/** The runtime, whose sessions note what their runs take. */
function timedRuntime(runtime: Runtime, timings: Timings): Runtime {
  return {
    ...runtime,
    async createSession(...args): Promise<Session> {
      const session = await runtime.createSession(...args);
      return {
        ...session,
        async run(...feeds) {
          const start = performance.now();
          const results = await session.run(...feeds);
          const { ms, calls } = timings.get(session.name) ?? { ms: 0, calls: 0 };
          timings.set(session.name, { ms: ms + performance.now() - start, calls: calls + 1 });
          return results;
        },
      };
    },
  };
}

function stagesOf(timings: Timings, totalMs: number, photo: BytePixels): FaceStageTiming[] {
  const networks = [...timings].map(([name, timing]) => ({ name, ...timing }));
  const halving = halvingMs(photo);
  const rest = networks.reduce((left, { ms }) => left - ms, totalMs - halving);
  return [
    ...networks,
    { name: 'halving the photo', ms: halving, calls: 1 },
    // Tiles and crops are cut while a network runs: this is what is left.
    { name: 'waiting for pixels', ms: Math.max(rest, 0), calls: 1 },
  ];
}

/** What a pyramid of the photo takes down to a pixel, measured by itself. */
function halvingMs(photo: BytePixels): number {
  const start = performance.now();
  const one = { width: 1, height: 1 };
  new ImagePyramid(photo).read(one, { x: 0, y: 0, ...one });
  return performance.now() - start;
}
