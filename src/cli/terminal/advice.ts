/** Which flag helps: what the command line adds to errors from below. */

import { type Failure, type FailureCode, failureOf } from '../../failure/failure.ts';
import { isOutOfMemory, wordRawError } from '../../platform/node/files/system-error.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';

type Advice = {
  readonly [Code in FailureCode]: (failure: Extract<Failure, { readonly code: Code }>) => string;
};

/** Nothing where the error says it all; what begins with a small letter goes on with its sentence. */
const advice: Advice = {
  'nothing-painted': ({ where }) =>
    where === 'mask'
      ? ''
      : 'Paint white, with a hard brush, over what is to be filled in and save it as PNG, or give --mask',
  'no-such-face': ({ found }) => (found === 0 ? '' : 'interlcm faces lists them'),
  'not-finite': () => 'Try --device cpu; on the CPU it means damaged weights',
  'training-diverged': () => '',
  'training-stopped': ({ folder, why }) => {
    const goOn = `interlcm train --resume ${folder}`;
    if (why === 'diverged') return `Go on with: ${goOn} --set optimizer.learningRate=…`;
    return why === 'out-of-memory'
      ? `Close other programs, or compute with less at a time: ${goOn} --set microBatch=1`
      : `Once that is mended, go on with: ${goOn}`;
  },
  'device-unusable': ({ device }) => (device === 'cpu' ? '' : 'Use --device cpu'),
  'disk-full': ({ keeping }) =>
    keeping === 'download'
      ? 'Free some, or choose another disk with --output'
      : 'Free some, or take --memory low, which keeps less',
  'no-checkpoint-folder': ({ folder }) =>
    `Pass the folder that holds lcm/, clip/ and interlcm/; the published weights come with: interlcm download interlcm-3step -o ${folder}`,
  'no-embedded-model': () => 'Or pass --checkpoint with a folder of other weights',
  'no-identity-network': () => 'Or leave identity out with --no-identity',
  'no-text-encoder': ({ model, folder }) =>
    folder === embeddedModel
      ? 'The embedded model was not trained with texts: pass other weights by --checkpoint'
      : `Get both with: interlcm download ${model === 'lcm' ? 'text-encoder' : model} -o ${folder}; or give a stored embedding by --text-embedding`,
  'no-generator': ({ model, folder }) =>
    `Get it with: interlcm download ${model === 'lcm' ? 'interlcm-3step text-encoder' : model} -o ${folder}`,
  'no-chart-library': () => '',
  'no-picture-in-folder': ({ recursive }) =>
    recursive ? '' : '--recursive also looks into the folders inside it',
  'picture-too-large': ({ canBeRaised }) =>
    canBeRaised
      ? 'Make it smaller, or where restore or faces reads it, allow up to 400 million by --max-megapixels 400'
      : 'Make it smaller first',
  'result-too-large': ({ format }) =>
    format === undefined ? 'take a smaller --upscale' : 'take --format png, or a smaller --upscale',
  'compared-size-too-large': () => 'Choose a smaller --size',
  'network-missing': ({ network, use }) => {
    if (use === 'teacher') return 'Pass a checkpoint with a UNet by --from';
    const otherwise =
      use === 'start' ? `describe it under networks.${network}` : 'add the network to "train"';
    return `Pass a checkpoint that has it with --from, or ${otherwise}`;
  },
  'spatial-start-unused': ({ found }) =>
    `Leave --spatial-start out${found === undefined ? '' : ', or take that file away'}`,
  'state-without-layout': () => 'Start a new run with --from its folder',
  'run-exists': ({ folder }) => `Go on with it by --resume ${folder}, or choose another folder`,
};

/** An error's message, and what to do about it. */
export function adviseOn(error: unknown): string {
  const message = wordRawError(error) ?? (error instanceof Error ? error.message : String(error));
  const failure = failureOf(error);
  if (failure) return withAdvice(message, failure);
  return isOutOfMemory(error) ? `${message}: close other programs, or take --memory low` : message;
}

/** @param failure what the message tells of, if it is known */
export function withAdvice(message: string, failure: Failure | undefined): string {
  return failure ? join(message, (advice[failure.code] as (failure: Failure) => string)(failure)) : message;
}

function join(message: string, advised: string): string {
  if (advised === '') return message;
  return `${message}${/^[a-z-]/.test(advised) ? ';' : '.'} ${advised}`;
}
