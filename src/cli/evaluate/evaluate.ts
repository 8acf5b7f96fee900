/** `interlcm evaluate`: how close restored faces come to the true ones. */

import { command } from 'cleye';
import { type FeatureNetworkChoice, featureNetworks } from '../../metrics/feature-network.ts';
import type { LoadRestorerOptions } from '../../platform/node/model/load-restorer.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import { choiceFlag, integerFlag, numberFlag, rejectUnknownFlags, textFlag } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { encoderFlags, modelFlags } from '../terminal/model-flags.ts';
import { chooseRestorer, restorerFlags } from '../terminal/restorer-flags.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { EvaluateMetricsRequest } from './evaluate-metrics.ts';
import {
  type MetricFlagValues,
  metricDetails,
  metricFlags,
  parseMetrics,
  parseWeights,
  rejectMetricFlags,
} from './metric-flags.ts';
import type { EvaluateRequest } from './run-evaluate.ts';

const details = `Pictures belong together by name; extensions may differ. They show one aligned face each.
With --lq every picture of it is restored first, and timed. With --restored the results of any
restorer are measured; --lq beside it adds the input's own scores.

All is compared at the size of the restored picture, or at --size. Pictures smaller than the
true one are enlarged to it, bilinearly, and all shrink by area.
PSNR and SSIM are taken over RGB; the PSNR of equal pictures is infinite, in JSON null.
Sharpness is how much of the detail around the eyes is the finest: no truth is needed for it,
and more than the truth has is too much.
Identity is the angle between the face descriptors of @vladmandic/human (faceres). The Fréchet
distance is taken over them too, or over another network's features: --features face-api is the
face recognition that comes along, vgg16 sees whole pictures. It depends on the number of faces.

A picture that cannot be read or compared is named, and the others are measured. Exit codes: 0 all
measured, 1 some not, 2 the command is wrong, 130 interrupted.`;

const flags = {
  hq: { type: textFlag('--hq', 'a folder'), placeholder: '<folder>', description: 'The true faces' },
  lq: { type: textFlag('--lq', 'a folder'), placeholder: '<folder>', description: 'The low-quality faces' },
  restored: {
    type: textFlag('--restored', 'a folder'),
    placeholder: '<folder>',
    description: 'Faces that are restored already',
  },
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    placeholder: '<folder>',
    description: 'Folder of other weights to restore --lq with; the embedded model unless given',
  },
  ...encoderFlags,
  ...restorerFlags,
  steps: {
    type: integerFlag('--steps', 1, 50),
    placeholder: '<n>',
    description: 'Steps of the schedule, as in restore',
  },
  startStep: {
    type: integerFlag('--start-step', 1, 4),
    placeholder: '<n>',
    description: 'First step to compute, as in restore',
  },
  seed: {
    type: integerFlag('--seed', 0, 2 ** 32 - 1),
    placeholder: '<n>',
    description: 'Seed of the noise; 0 unless given',
  },
  fidelity: {
    type: numberFlag('--fidelity', 0, 1),
    placeholder: '<0..1>',
    description: 'How far results follow the photo, as in restore; of --autoencoder 0 unless given',
  },
  autoencoder: {
    type: Boolean,
    description: 'Encode and decode, nothing more: --hq, or --lq by an autoencoder that restores it',
  },
  size: {
    type: integerFlag('--size', 16, 8192),
    placeholder: '<n>',
    description: 'Side to compare at; that of the restored picture unless given',
  },
  noIdentity: { type: Boolean, description: 'Leave out the identity angle' },
  features: {
    type: choiceFlag('--features', featureNetworks),
    placeholder: '<network>',
    description: `What the Fréchet distance is taken over: ${featureNetworks.join(', ')}; that of identity unless given`,
  },
  lpips: {
    type: textFlag('--lpips', 'a file'),
    placeholder: '<file>',
    description: "Also measure LPIPS, with the lpips package's vgg.pth",
  },
  vgg: {
    type: textFlag('--vgg', 'a file'),
    placeholder: '<file>',
    description: "torchvision's VGG16 weights, for LPIPS and --features vgg16",
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write the scores as one JSON document to standard output' },
  sheet: {
    type: textFlag('--sheet', 'a file'),
    placeholder: '<file.png>',
    description: 'Write a contact sheet: low quality, restored, truth',
  },
  ...metricFlags,
} as const;

export const evaluateCommand = command(
  {
    name: 'evaluate',
    flags,
    help: {
      description: 'Measure how close restored faces come to the true ones',
      render: (nodes, renderers) =>
        renderers.render([
          ...nodes,
          { type: 'section', data: { title: 'Details:', body: `${details}\n\n${metricDetails}` } },
        ]),
      examples: [
        'interlcm evaluate --hq faces/hq --lq faces/lq --sheet sheet.png',
        'interlcm evaluate --hq faces/hq --restored results --size 256 --json > scores.json',
        'interlcm evaluate --hq faces/hq --restored results --metrics psnr,ssim,lpips,fid,musiq,ids --csv scores.csv',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    if (parsed._.length > 0)
      throw new UsageError(`evaluate takes folders by --hq, --lq and --restored, not ${parsed._[0]}`);
    const environment = { stdout: process.stdout, stderr: process.stderr, signal: interruptSignal() };
    const given = await withRestorer(parsed.flags);
    if (given.metrics !== undefined) {
      const request = readMetricsRequest(given);
      const { evaluateMetrics } = await import('./evaluate-metrics.ts');
      process.exitCode = await evaluateMetrics(request, environment);
      return;
    }
    rejectMetricFlags(given);
    const request = readRequest(given);
    const { runEvaluate } = await import('./run-evaluate.ts');
    process.exitCode = await runEvaluate(request, environment);
  },
);

interface EvaluateFlags extends LoadRestorerOptions, MetricFlagValues {
  readonly hq?: string;
  readonly lq?: string;
  readonly restored?: string;
  readonly checkpoint?: string;
  readonly seed?: number;
  readonly steps?: number;
  readonly startStep?: number;
  readonly fidelity?: number;
  readonly autoencoder?: boolean;
  readonly size?: number;
  readonly noIdentity?: boolean;
  readonly features?: FeatureNetworkChoice['name'];
  readonly lpips?: string;
  readonly vgg?: string;
  readonly json?: boolean;
  readonly sheet?: string;
}

/** The flags with another restorer in the checkpoint's place. @throws {UsageError} if they do not go together */
async function withRestorer(
  given: EvaluateFlags & { readonly restorer?: string; readonly restorerOption?: readonly string[] },
): Promise<EvaluateFlags> {
  const chosen = await chooseRestorer(given);
  if (!chosen) return given;
  for (const flag of ['seed', 'autoencoder'] as const)
    if (given[flag] !== undefined && given[flag] !== false)
      throw new UsageError(`--${flag} is of InterLCM; leave it out with --restorer`);
  return { ...given, checkpoint: chosen.file, onnx: chosen.config };
}

/** @throws {UsageError} if the flags do not fit together */
export function readRequest(given: EvaluateFlags): EvaluateRequest {
  const {
    hq,
    autoencoder = false,
    restored,
    checkpoint,
    size,
    features,
    lpips,
    vgg,
    json = false,
    sheet,
    device,
    threads,
  } = given;
  const lq = given.lq ?? (autoencoder ? hq : undefined);
  if (hq === undefined) throw new UsageError('evaluate needs --hq and the folder of the true faces after it');
  if (lq === undefined && restored === undefined)
    throw new UsageError('evaluate needs --lq, to restore and measure it, or --restored: what to measure');
  if (autoencoder && restored !== undefined)
    throw new UsageError('--autoencoder makes what it measures; leave out --restored');
  if (restored !== undefined && checkpoint !== undefined)
    throw new UsageError(
      `${given.onnx ? '--restorer' : '--checkpoint'} restores --lq; leave it out to measure --restored`,
    );
  if (lpips !== undefined && vgg === undefined) throw new UsageError('LPIPS needs both --lpips and --vgg');
  if (vgg !== undefined && lpips === undefined && features !== 'vgg16')
    throw new UsageError('--vgg is used by --lpips and by --features vgg16: give one of them too');
  if (sheet !== undefined && !/\.png$/i.test(sheet))
    throw new UsageError(`--sheet takes the name of a .png file, not ${sheet}`);
  const { memory, visualEncoder, spatialEncoder, onnx, seed = 0, steps, startStep, fidelity } = given;
  const options = { device, threads, memory, visualEncoder, spatialEncoder, onnx };
  return {
    hq,
    lq,
    restored,
    model: restored === undefined ? { checkpoint: checkpoint ?? embeddedModel, options } : undefined,
    autoencoder,
    sampling: { seed, steps, startStep, fidelity },
    size,
    identity: !given.noIdentity,
    features: features && featureChoice(features, vgg),
    lpips: lpips !== undefined && vgg !== undefined ? { linear: lpips, vgg } : undefined,
    device,
    threads,
    json,
    sheet,
  };
}

function featureChoice(name: FeatureNetworkChoice['name'], vgg: string | undefined): FeatureNetworkChoice {
  if (name !== 'vgg16') return { name };
  if (vgg === undefined) throw new UsageError("--features vgg16 needs --vgg: torchvision's VGG16 weights");
  return { name, vgg };
}

/** What `--metrics` asks for. @throws {UsageError} if the flags do not fit together */
export function readMetricsRequest(given: EvaluateFlags): EvaluateMetricsRequest {
  const { hq, restored, size, metrics = '', weights = [], device, threads } = given;
  for (const flag of ['features', 'lpips', 'vgg'] as const)
    if (given[flag] !== undefined)
      throw new UsageError(`--${flag} is of an evaluation without --metrics; leave one of them out`);
  // A truth is not needed for every metric; nor is anything restored where there are results.
  const { lq, model, sampling, autoencoder } = readRequest({ ...given, hq: hq ?? restored });
  const { fidReference, markdown, csv, journal, json, sheet } = given;
  return {
    metrics: parseMetrics(metrics),
    weights: parseWeights(weights),
    folders: { hq, lq, restored },
    restoring: { model, sampling, autoencoder, size },
    ...{ fidReference, markdown, csv, journal, json, sheet, device, threads },
  };
}
