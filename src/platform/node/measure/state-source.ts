/** Where the states of a latent consistency model come from: a text, or pure noise under each picture's condition. */
import { tensorToPixels } from '../../../image/pixel-tensor.ts';
import type { BytePixels } from '../../../image/pixels.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import type { HostTensor } from '../../../tensor/host-tensor.ts';
import { picturesByName } from '../files/picture-pairs.ts';
import type { LoadedGenerator } from '../model/load-generator.ts';
import { readFace } from './state-series.ts';

/** A low-quality picture, and the clean latents that the model's steps leave from pure noise. */
export interface SampledStates {
  /** [1, C, h, w], by step: 1, 2, … */
  readonly clean: readonly HostTensor[];
  /** The picture's latent. */
  readonly photo: HostTensor;
  readonly photoPixels: BytePixels;
  readonly decode: (latent: HostTensor) => Promise<BytePixels>;
}

interface SourceSettings {
  readonly folder: string;
  readonly seed: number;
  readonly steps: number;
  readonly most: number;
  readonly onPicture: (done: number, total: number, name: string) => void;
  readonly signal: AbortSignal;
}

/** From pure noise (start step 1), under the condition that the checkpoint's encoders make of each picture. */
export async function* statesOfRestorer(
  restorer: Restorer,
  settings: SourceSettings,
): AsyncGenerator<SampledStates> {
  const { steps, signal } = settings;
  for await (const { face, seed } of faces(restorer.imageSize, settings)) {
    const clean: HostTensor[] = [];
    let last: { photo: HostTensor; decode: (latent: HostTensor) => Promise<HostTensor> } | undefined;
    await restorer.restore(face, {
      seed,
      steps,
      startStep: 1,
      colorFix: 'none',
      signal,
      onState({ clean: latent, photo, decode }) {
        clean.push(latent);
        last = { photo, decode };
      },
    });
    const { photo, decode } = last!;
    yield {
      clean,
      photo,
      photoPixels: tensorToPixels(face),
      decode: async (z) => tensorToPixels(await decode(z)),
    };
  }
}

/** By a text, as many images as there are pictures: how the paper has it. */
export async function* statesOfGenerator(
  generator: LoadedGenerator,
  context: HostTensor,
  settings: SourceSettings,
): AsyncGenerator<SampledStates> {
  const { steps, signal } = settings;
  for await (const { face, seed } of faces(generator.imageSize, settings)) {
    const clean: HostTensor[] = [];
    await generator.generate(context, {
      seed,
      steps,
      signal,
      onState: ({ clean: latent }) => void (latent && clean.push(latent)),
    });
    yield {
      clean,
      photo: await generator.latentOf(face),
      photoPixels: tensorToPixels(face),
      decode: async (z) => tensorToPixels(await generator.decode(z)),
    };
  }
}

async function* faces(size: number, { folder, most, seed, onPicture, signal }: SourceSettings) {
  const found = [...(await picturesByName(folder))].slice(0, most);
  for (const [i, [name, file]] of found.entries()) {
    signal.throwIfAborted();
    onPicture(i, found.length, name);
    yield { face: await readFace(file, size), seed: seed + i };
  }
}
