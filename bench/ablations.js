/**
 * The paper's tables 2 to 4 in miniature: trains every variant on the same images, restores the validation faces by
 * each, and prints one table. Run again, it goes on where it was stopped.
 *
 *     node bench/ablations.js FACES VALIDATION START OUT
 *
 * FACES: folder of good faces. VALIDATION: folder with hq/ and lq/. START: checkpoint of the consistency stage.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const [faces, validation, start, out] = process.argv.slice(2).map((argument) => path.resolve(argument));
if (!out) throw new Error('Usage: node bench/ablations.js FACES VALIDATION START OUT');

/** @param {string[]} args */
function interlcm(args) {
  const main = path.join(project, 'dist/cli/main.js');
  const { status } = spawnSync(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`interlcm ${args.join(' ')} ended with ${status}`);
}

const config = path.join(project, 'configs/embedded/ablation.json');
const { iterations, data } = JSON.parse(readFileSync(config, 'utf8'));
/** @param {string} loss */
const off = (loss) => `losses.${loss}=null`;
/** The other stages do not sample. */
const withoutSampler = ['guidanceScale=null', 'colorFix=null'];

/** `from`: null starts anew; the common start unless given. @type {{ name: string, set?: string[], from?: null, evaluate?: string[] }[]} */
const variants = [
  { name: 'InterLCM: start step 2, VE, SE, all losses' },
  { name: 'start step 1 (pure noise)', set: ['startStep=1'] },
  { name: 'start step 3', set: ['startStep=3'] },
  { name: 'start step 4', set: ['startStep=4'] },
  {
    name: 'without the visual encoder',
    set: ['visualEncoder=false', 'train=["spatialEncoder","unet"]'],
  },
  {
    name: 'without the spatial encoder',
    set: ['spatialEncoder=false', 'train=["clip","visualEncoder","unet"]'],
  },
  { name: 'L1', set: [off('perceptual'), off('adversarial')] },
  { name: 'L1 and perceptual', set: [off('adversarial')] },
  {
    name: 'encoders trained by the diffusion loss',
    set: [
      'stage="diffusion"',
      'control=true',
      'condition="low"',
      'losses={"mse":{"weight":1}}',
      ...withoutSampler,
    ],
  },
  {
    name: 'plain encoder and decoder',
    set: [
      'stage="autoencoder"',
      'input="low"',
      'train=["vae"]',
      'networks={"vae":{"block_out_channels":[64,128,192],"layers_per_block":1,"latent_channels":64,"norm_num_groups":8,"patch_size":2,"linear_shortcut":true,"scaling_factor":1}}',
      ...withoutSampler,
    ],
    from: null,
    evaluate: ['--autoencoder', '--size', `${data.size}`],
  },
];

mkdirSync(out, { recursive: true });
/** The encoders' start, the same for all variants: one iteration, which the learning rate's warm-up makes small. */
const common = path.join(out, 'start');
train(common, ['--from', start, '--set', 'iterations=1']);

const rows = variants.map(({ name, set = [], from = path.join(common, 'latest'), evaluate = [] }) => {
  const run = path.join(out, name.replace(/\W+/g, '-'));
  const scores = path.join(run, 'scores.json');
  if (!existsSync(scores)) {
    const started = performance.now();
    train(run, [...(from ? ['--from', from] : []), ...set.flatMap((one) => ['--set', one])]);
    const seconds = (performance.now() - started) / 1000;
    const measured = path.join(run, 'evaluation.json');
    const pairs = ['--hq', path.join(validation, 'hq'), '--lq', path.join(validation, 'lq')];
    interlcm([
      ...['evaluate', ...pairs, '--checkpoint', path.join(run, 'latest'), '--json', measured],
      ...['--sheet', path.join(run, 'sheet.png'), ...evaluate],
    ]);
    const { mean, frechet, input } = JSON.parse(readFileSync(measured, 'utf8'));
    writeFileSync(scores, JSON.stringify({ ...mean, frechet, input, seconds }));
  }
  return { name, ...JSON.parse(readFileSync(scores, 'utf8')) };
});

const { input } = rows[0];
console.log(`${iterations} iterations each, on faces of ${data.size} pixels\n`);
console.log('| | PSNR, dB | SSIM | identity, ° | Fréchet | training, s |');
console.log('| - | -: | -: | -: | -: | -: |');
for (const { name, psnr, ssim, identity, frechet, seconds } of [{ name: 'input', ...input }, ...rows])
  console.log(
    `| ${name} | ${psnr.toFixed(2)} | ${ssim.toFixed(3)} | ${identity.toFixed(1)} | ${frechet.toFixed(0)} | ${seconds?.toFixed(0) ?? ''} |`,
  );

/**
 * Trains a run to its end, or goes on with it.
 * @param {string} run @param {string[]} settings
 */
function train(run, settings) {
  if (existsSync(path.join(run, 'run.json'))) interlcm(['train', '--resume', run]);
  else
    interlcm([
      ...['train', '--config', config, '--data', faces, '--validation', path.join(validation, 'hq')],
      ...['--out', run, ...settings],
    ]);
}
