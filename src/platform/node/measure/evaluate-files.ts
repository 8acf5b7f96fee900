/** Measures a folder of restored faces, or of faces that are restored on the way, against the true ones. */

import { faceSharpness } from '../../../face/sharpness.ts';
import type { BytePixels, Pixels } from '../../../image/pixels.ts';
import { layOnWhite } from '../../../image/transparency.ts';
import { descriptorAngle } from '../../../metrics/descriptor-angle.ts';
import {
  type Evaluation,
  type ImageScores,
  type Scores,
  summarizeEvaluation,
} from '../../../metrics/evaluation.ts';
import type { FeatureNetwork } from '../../../metrics/feature-network.ts';
import { psnr } from '../../../metrics/psnr.ts';
import { ssim } from '../../../metrics/ssim.ts';
import { type PictureSet, pairPictures } from '../files/picture-pairs.ts';
import { type ImageFile, readImageFile } from '../picture/image-file.ts';
import { comparedSize, resizeTo } from './compared-size.ts';
import { Failures } from './failures.ts';

interface EvaluateSettings {
  /** Folders; pictures belong together by name without the extension. At least `lq` or `restored` is given. */
  readonly folders: { readonly hq: string; readonly lq?: string; readonly restored?: string };
  /** Side of the square that everything is compared at; the size of what was restored unless given. */
  readonly size?: number;
  /** What restores `lq` where there is no folder `restored`. */
  readonly restore?: (image: ImageFile) => Promise<BytePixels>;
  readonly identity?: FeatureNetwork;
  /** Over whose features the Fréchet distance is taken; `identity` unless given. */
  readonly features?: FeatureNetwork;
  /** LPIPS of two pictures of one size. */
  readonly lpips?: (a: Pixels, b: Pixels) => Promise<number>;
  /** Called before each picture. */
  readonly onImage?: (done: number, total: number, name: string) => void;
  /** Called for each picture that cannot be measured; the others are. */
  readonly onFailed?: (name: string, error: unknown) => void;
  readonly signal?: AbortSignal;
}

/** What was compared: all of one size. */
export interface ComparedPictures {
  readonly input?: Pixels;
  readonly restored: Pixels;
  readonly truth: Pixels;
}

/**
 * Compares at the size of what was restored, or at `size`: pictures smaller than the true ones are enlarged to their
 * size, bilinearly, and all shrink by area. A picture that cannot be read or compared is passed over, and told of.
 * @param keep gets the compared pictures, one set an image, in the order of the report
 * @throws {Error} if pictures have no counterpart, or none can be measured
 */
export async function evaluateFiles(
  settings: EvaluateSettings,
  keep: (pictures: ComparedPictures) => void = () => undefined,
): Promise<Evaluation> {
  const sets = await pairPictures(settings.folders);
  const images: ImageScores[] = [];
  const { identity, features = identity } = settings;
  const vectors = { truth: [], restored: [], input: [] } as Record<keyof ComparedPictures, Float32Array[]>;
  const failures = new Failures(settings);
  for (const [done, set] of sets.entries()) {
    settings.signal?.throwIfAborted();
    settings.onImage?.(done, sets.length, set.name);
    const measured = await failures.unless(set.name, async () => {
      const read = await readPictures(set, settings);
      return { ...read, ...(await measureSet(set.name, read.pictures, settings)) };
    });
    if (!measured) continue;
    const { pictures, ms, featured, scores } = measured;
    for (const role of ['truth', 'restored', 'input'] as const)
      if (featured?.[role]) vectors[role].push(featured[role]);
    const { input, ...restored } = scores;
    images.push({
      name: set.name,
      ...restored,
      ...(ms === undefined ? {} : { ms }),
      ...(input ? { input } : {}),
    });
    keep(pictures);
  }
  failures.requireSome(images.length);
  return summarizeEvaluation(images, features && { network: features.name, ...vectors });
}

interface MeasuredSet {
  readonly featured: { [Role in keyof ComparedPictures]: Float32Array } | undefined;
  readonly scores: Scores & { readonly input?: Scores };
}

/** @throws {Error} naming the picture */
async function measureSet(
  name: string,
  pictures: ComparedPictures,
  settings: EvaluateSettings,
): Promise<MeasuredSet> {
  const { identity, features = identity } = settings;
  try {
    const described = identity && (await describe(identity, pictures));
    const featured = features === identity ? described : features && (await describe(features, pictures));
    const scoresOf = (role: 'restored' | 'input', picture: Pixels): Promise<Scores> =>
      measure(picture, pictures.truth, settings, described?.[role], described?.truth);
    const restored = await scoresOf('restored', pictures.restored);
    const input = pictures.input && (await scoresOf('input', pictures.input));
    return { featured, scores: { ...restored, ...(input && { input }) } };
  } catch (cause) {
    throw new Error(`Cannot measure ${name}: ${(cause as Error).message}`, { cause });
  }
}

async function describe(
  network: FeatureNetwork,
  { truth, restored, input }: ComparedPictures,
): Promise<{ [Role in keyof ComparedPictures]: Float32Array }> {
  return {
    truth: await network.describe(truth),
    restored: await network.describe(restored),
    ...(input && { input: await network.describe(input) }),
  };
}

async function measure(
  picture: Pixels,
  truth: Pixels,
  { lpips }: EvaluateSettings,
  descriptor?: Float32Array,
  trueDescriptor?: Float32Array,
): Promise<Scores> {
  return {
    psnr: psnr(picture, truth),
    ssim: ssim(picture, truth),
    // Aligned faces are square.
    ...(picture.width === picture.height ? { sharpness: faceSharpness(picture) } : {}),
    ...(descriptor && trueDescriptor ? { identity: descriptorAngle(descriptor, trueDescriptor) } : {}),
    ...(lpips ? { lpips: await lpips(picture, truth) } : {}),
  };
}

async function readPictures(
  set: PictureSet,
  { size, restore }: EvaluateSettings,
): Promise<{ pictures: ComparedPictures; ms?: number }> {
  const truth = layOnWhite(await readImageFile(set.hq));
  const input = set.lq === undefined ? undefined : await readImageFile(set.lq);
  let restored: BytePixels;
  let ms: number | undefined;
  if (set.restored !== undefined) restored = layOnWhite(await readImageFile(set.restored));
  else {
    if (!input || !restore)
      throw new TypeError(
        `Cannot evaluate ${set.name}: there is nothing restored, and nothing to restore it`,
      );
    const startedMs = performance.now();
    restored = await restore(input);
    ms = performance.now() - startedMs;
  }
  const compared = comparedSize(set.name, truth, restored, size);
  const pictures = {
    input: input && resizeTo(layOnWhite(input), compared, truth),
    restored: resizeTo(restored, compared, truth),
    truth: resizeTo(truth, compared, truth),
  };
  return { pictures, ms };
}
