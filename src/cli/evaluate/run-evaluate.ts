/** Runs an evaluation: loads what measures and restores, measures, reports. */

import type { BytePixels } from '../../image/pixels.ts';
import type { FeatureNetworkChoice } from '../../metrics/feature-network.ts';
import { createNodeRuntime } from '../../platform/node/engine/node-runtime.ts';
import { requireFilePlace, writeFileAtomically } from '../../platform/node/files/atomic-write.ts';
import { type ComparedPictures, evaluateFiles } from '../../platform/node/measure/evaluate-files.ts';
import { loadIdentityNetwork } from '../../platform/node/model/identity-network.ts';
import { loadAutoencoder } from '../../platform/node/model/load-autoencoder.ts';
import { loadFeatureNetwork } from '../../platform/node/model/load-feature-network.ts';
import { type LoadRestorerOptions, loadRestorer } from '../../platform/node/model/load-restorer.ts';
import { loadLpips } from '../../platform/node/model/lpips-files.ts';
import { encodeImage } from '../../platform/node/picture/encode-image.ts';
import type { ImageFile } from '../../platform/node/picture/image-file.ts';
import { restorePicture } from '../../restore/photo/restore-picture.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import { adviseOn } from '../terminal/advice.ts';
import { Progress, type ProgressStream } from '../terminal/progress.ts';
import { formatEvaluation } from './evaluation-table.ts';
import { largestSheetPixels, layOutFaces } from './face-sheet.ts';

/** What the command was told, checked. */
export interface EvaluateRequest {
  readonly hq: string;
  readonly lq?: string;
  readonly restored?: string;
  readonly model?: { readonly checkpoint: string; readonly options: LoadRestorerOptions };
  /** Whether pictures are encoded and decoded rather than restored by the sampler. */
  readonly autoencoder: boolean;
  readonly sampling: {
    readonly seed: number;
    readonly steps?: number;
    readonly startStep?: number;
    readonly fidelity?: number;
  };
  readonly size?: number;
  readonly identity: boolean;
  readonly features?: FeatureNetworkChoice;
  readonly lpips?: { readonly linear: string; readonly vgg: string };
  readonly device?: LoadRestorerOptions['device'];
  readonly threads?: number;
  /** one document for programs, rather than the table */
  readonly json: boolean;
  readonly sheet?: string;
}

export interface EvaluateEnvironment {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** A picture that could not be measured. */
export interface FailedPicture {
  readonly name: string;
  readonly error: string;
}

/** @returns the exit code: 0, or 1 if some pictures could not be measured */
export async function runEvaluate(
  request: EvaluateRequest,
  environment: EvaluateEnvironment,
): Promise<number> {
  const { signal, stdout, stderr } = environment;
  await requireFilePlace(request.sheet);
  const progress = new Progress(stderr, { total: 1 });
  const loaded: { release(): Promise<void> }[] = [];
  const keepLoaded = <Loaded extends { release(): Promise<void> }>(one: Loaded): Loaded => {
    loaded.push(one);
    return one;
  };
  const say = (message: string): void => progress.line(message);
  try {
    const { device, threads } = request;
    const runtime = await createNodeRuntime({ device, threads });
    const identity = request.identity ? keepLoaded(await loadIdentityNetwork(runtime)) : undefined;
    const features =
      request.features &&
      (request.features.name === identity?.name
        ? identity
        : keepLoaded(await loadFeatureNetwork(request.features, runtime)));
    const lpips = request.lpips && keepLoaded(await loadLpips(request.lpips, runtime));
    const restore = request.model && (await loadRestore(request, signal, keepLoaded, say));
    const pictures: ComparedPictures[] = [];
    let pixels = 0;
    const keep = (compared: ComparedPictures): void => {
      const { width, height } = compared.truth;
      pixels += width * height * (compared.input ? 3 : 2);
      if (request.sheet !== undefined && pixels <= largestSheetPixels) pictures.push(compared);
    };
    const { hq, lq, restored, size } = request;
    const onImage = (done: number, total: number, name: string): void => {
      progress.total = total;
      progress.update(done, `[${done + 1}/${total}] ${name}`);
    };
    const failed: FailedPicture[] = [];
    const onFailed = (name: string, error: unknown): void => {
      failed.push({ name, error: adviseOn(error) });
      progress.line(`not measured: ${adviseOn(error)}`);
    };
    const folders = { hq, lq, restored };
    const settings = { folders, size, restore, identity, features, onImage, onFailed, signal };
    const measuring = evaluateFiles({ ...settings, lpips: lpips?.distance }, keep);
    const evaluation = await untilAborted(measuring, signal);
    progress.close();
    const report = { ...evaluation, failed };
    stdout.write(request.json ? `${JSON.stringify(report, null, 2)}\n` : formatEvaluation(evaluation));
    if (request.sheet !== undefined) {
      if (pictures.length < evaluation.count)
        say(`The contact sheet shows the first ${pictures.length} of ${evaluation.count} faces`);
      const faces = pictures.map(({ input, restored: result, truth }) =>
        input ? [input, result, truth] : [result, truth],
      );
      await writeFileAtomically(request.sheet, await encodeImage(layOutFaces(faces), 'png'));
    }
    if (failed.length === 0) return 0;
    say(`${failed.length} of ${evaluation.count + failed.length} pictures could not be measured`);
    return 1;
  } finally {
    progress.close();
    // An interrupted network call may still be running; the process is about to end.
    if (!signal.aborted) for (const one of loaded) await one.release();
  }
}

/** What restores each picture as the request says. */
export async function loadRestore(
  {
    model,
    sampling,
    autoencoder,
    size,
  }: Pick<EvaluateRequest, 'model' | 'sampling' | 'autoencoder' | 'size'>,
  signal: AbortSignal,
  keepLoaded: <Loaded extends { release(): Promise<void> }>(one: Loaded) => Loaded,
  say: (message: string) => void,
): Promise<(image: ImageFile) => Promise<BytePixels>> {
  const { checkpoint, options } = model!;
  say(`Loading the model from ${checkpoint}`);
  const loading = autoencoder
    ? loadAutoencoder(checkpoint, { ...options, imageSize: size })
    : loadRestorer(checkpoint, { ...options, onProgress: say });
  const restorer = keepLoaded(await untilAborted(loading, signal));
  say(`${autoencoder ? 'Encoding and decoding' : 'Restoring'} on ${restorer.device}`);
  return ({ pixels }) => restorePicture(pixels, restorer, { ...sampling, signal });
}
