/** Series of states: what each step of a sampler has left of one image, as pictures. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pixelsToTensor, tensorToPixels } from '../../../image/pixel-tensor.ts';
import type { BytePixels } from '../../../image/pixels.ts';
import { toSquareFace } from '../../../image/square-face.ts';
import { layOnWhite } from '../../../image/transparency.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';
import { picturesByName } from '../files/picture-pairs.ts';
import type { LoadedGenerator } from '../model/load-generator.ts';
import { readImageFile } from '../picture/image-file.ts';

/** One image's states, in order of the steps; the last is the result. */
export interface StateSeries {
  readonly name: string;
  readonly read: () => Promise<readonly BytePixels[]>;
}

/** Series of one kind. */
export interface SeriesSet {
  readonly label: string;
  /** The steps that every series has. */
  readonly steps: readonly number[];
  readonly series: readonly StateSeries[];
}

/**
 * Series kept in folders `step-1`, `step-2`, …, with pictures of the same names.
 * @throws {Error} if there are fewer than two such folders, or a picture is not in all of them
 */
export async function seriesInFolder(label: string, folder: string): Promise<SeriesSet> {
  const entries = await readdir(folder).catch((cause: unknown) => {
    throw new Error(`Cannot read states in ${folder}: there is no such folder`, { cause });
  });
  const steps = entries
    .flatMap((name) => /^step-(\d{1,4})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  if (steps.length < 2)
    throw new Error(
      `Cannot read states in ${folder}: it has ${steps.length} folders step-K, and two are the fewest. Take the folder clean or noisy of kept states`,
    );
  const byStep = await Promise.all(steps.map((step) => picturesByName(path.join(folder, `step-${step}`))));
  const series = [...byStep[0]!.keys()].map((name) => {
    const files = byStep.map((pictures, i) => {
      const file = pictures.get(name);
      if (file === undefined)
        throw new Error(
          `Cannot read states in ${folder}: step-${steps[0]} has ${name}, step-${steps[i]} does not`,
        );
      return file;
    });
    return {
      name,
      read: () => Promise.all(files.map(async (file) => layOnWhite(await readImageFile(file)))),
    };
  });
  return { label, steps, series };
}

export interface SamplingSettings {
  readonly seed: number;
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
}

/** Series of restorations: a picture's clean states from the start step on, decoded. */
export async function seriesOfRestorations(
  label: string,
  folder: string,
  restorer: Restorer,
  { seed, steps, startStep, signal }: SamplingSettings & { readonly startStep: number },
): Promise<SeriesSet> {
  const pictures = await picturesByName(folder);
  const series = [...pictures].map(([name, file], i) => ({
    name,
    async read() {
      const states: BytePixels[] = [];
      await restorer.restore(await readFace(file, restorer.imageSize), {
        seed: seed + i,
        steps,
        startStep,
        colorFix: 'none',
        ...(signal && { signal }),
        async onState({ clean, decode }) {
          states.push(tensorToPixels(await decode(clean)));
        },
      });
      return states;
    },
  }));
  const stepCount = steps - startStep + 1;
  return { label, steps: Array.from({ length: stepCount }, (_, i) => startStep + i), series };
}

/** Which states of a generation: what a step predicts, or what it leaves for the next one. */
export type StateKind = 'clean' | 'noisy';

/** Series of generated images, decoded. */
export function seriesOfGenerations(
  label: string,
  generator: LoadedGenerator,
  context: HostTensor,
  {
    seed,
    steps,
    kind,
    count,
    signal,
  }: SamplingSettings & { readonly kind: StateKind; readonly count: number },
): SeriesSet {
  const series = Array.from({ length: count }, (_, i) => ({
    name: `seed${seed + i}`,
    async read() {
      const states: BytePixels[] = [];
      await generator.generate(context, {
        seed: seed + i,
        steps,
        signal,
        async onState({ step, [kind]: latent }) {
          if (step > 0) states.push(tensorToPixels(await generator.decode(latent!)));
        },
      });
      return states;
    },
  }));
  return { label, steps: Array.from({ length: steps }, (_, i) => i + 1), series };
}

/** A picture of one face as a model takes it, [1, 3, size, size]. */
export async function readFace(file: string, size: number): Promise<HostTensor> {
  return pixelsToTensor(toSquareFace(layOnWhite(await readImageFile(file)), size).square);
}
