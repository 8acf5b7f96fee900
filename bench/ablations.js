/**
 * The paper's tables 2 to 4 in miniature: trains every variant on the same images, restores the validation faces by
 * each, and prints a table for each degradation. Run again, it goes on where it was stopped.
 *
 *     node bench/ablations.js FACES VALIDATION START OUT
 *
 * FACES: folder of good faces. VALIDATION: folder with hq/, lq/ and lq-severe/. START: checkpoint of the autoencoder
 * stage, configs/ablations/1-autoencoder.json.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const [faces, validation, start, out] = process.argv.slice(2).map((argument) => path.resolve(argument));
if (!out) throw new Error('Usage: node bench/ablations.js FACES VALIDATION START OUT');

/** @param {string} name */
const configFile = (name) => path.join(project, `configs/ablations/${name}.json`);
const { iterations, data } = JSON.parse(readFileSync(configFile('4-interlcm'), 'utf8'));
/** @param {string} loss */
const without = (loss) => `losses.${loss}=null`;
// Batches this small hardly gain by a second thread: variants run side by side instead, on one thread each.
const oneThread = ['--threads', '1'];
/** The other stages do not sample. */
const withoutSampler = ['guidanceScale=null', 'colorFix=null'];

/** `from`: null starts anew; the common start unless given. @type {{ name: string, set?: string[], from?: null, evaluate?: string[] }[]} */
const variants = [
  { name: 'InterLCM: start step 2, VE, SE, all losses' },
  { name: 'L1 and perceptual', set: [without('adversarial')] },
  { name: 'L1', set: [without('perceptual'), without('adversarial')] },
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
    evaluate: ['--autoencoder', '--size', `${data.canvas}`],
  },
  { name: 'InterLCM with another seed', set: ['seed=1'] },
];

mkdirSync(out, { recursive: true });
/** Narrower than the embedded model's first edition, so that the same time is more iterations. */
const narrow = ['--set', 'networks.unet.block_out_channels=[64,64,64]'];
const prior = await train('2-diffusion', '2-diffusion', start, narrow);
const consistent = await train('3-consistency', '3-consistency', prior);
/** The encoders' start, the same for all variants: one iteration, which the learning rate's warm-up makes small. */
const common = await train('start', '4-interlcm', consistent, ['--set', 'iterations=1']);

/** Names of the degraded faces' folders, beside the good ones in `hq`. */
const degraded = ['lq', 'lq-severe'].filter((folder) => existsSync(path.join(validation, folder)));
/** @type {Awaited<ReturnType<typeof measure>>[]} */
const rows = [];
const waiting = [...variants.entries()];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) rows[next[0]] = await measure(next[1]);
  }),
);

for (const [i, folder] of degraded.entries()) {
  console.log(
    `\n${folder}, ${iterations} iterations\n\n| | PSNR, dB | SSIM | sharpness | identity, ° | Fréchet | training, min |`,
  );
  console.log('| - | -: | -: | -: | -: | -: | -: |');
  print('input', rows[0].scores[i].input);
  for (const { name, minutes, scores } of rows) print(name, scores[i].restored, minutes.toFixed(1));
}

/** @param {string} name @param {Record<string, number>} scores */
function print(name, { psnr, ssim, sharpness, identity, frechet }, minutes = '') {
  const cells = [
    psnr.toFixed(2),
    ssim.toFixed(3),
    sharpness.toFixed(2),
    identity.toFixed(1),
    frechet.toFixed(0),
  ];
  console.log(`| ${[name, ...cells, minutes].join(' | ')} |`);
}

/** From the log, without pauses. @param {string} run */
function trainingMinutes(run) {
  const lines = readFileSync(path.join(run, 'log.jsonl'), 'utf8').trim().split('\n');
  const steps = lines.map((line) => JSON.parse(line)).filter((entry) => entry.images_per_second);
  const rates = new Map(steps.map((entry) => [entry.iteration, entry.images_per_second]));
  return [...rates.values()].reduce((sum, rate) => sum + data.batch / rate / 60, 0);
}

/** Trains a variant, and scores what it restores of each folder. @param {(typeof variants)[number]} variant */
async function measure({ name, set = [], from = common, evaluate = [] }) {
  const folder = name.replace(/\W+/g, '-');
  const settings = set.flatMap((one) => ['--set', one]);
  const checkpoint = await train(folder, '4-interlcm', from, settings, oneThread);
  const scores = [];
  for (const lq of degraded) {
    const report = path.join(out, folder, lq);
    const pairs = ['--hq', path.join(validation, 'hq'), '--lq', path.join(validation, lq)];
    const restorer = ['--checkpoint', checkpoint, ...evaluate, ...oneThread];
    const written = ['--json', '--sheet', `${report}.png`];
    if (!existsSync(`${report}.json`))
      writeFileSync(`${report}.json`, await interlcm(['evaluate', ...pairs, ...restorer, ...written]));
    const { mean, frechet, input } = JSON.parse(readFileSync(`${report}.json`, 'utf8'));
    scores.push({ restored: { ...mean, frechet }, input });
  }
  return { name, minutes: trainingMinutes(path.join(out, folder)), scores };
}

/**
 * Trains a run to its end, or goes on with it.
 * @param {string} folder @param {string} config @param {string | null} from @param {string[]} settings @param {string[]} threads
 * @returns its last checkpoint
 */
async function train(folder, config, from, settings = [], threads = []) {
  const run = path.join(out, folder);
  const finished = path.join(run, 'finished');
  if (!existsSync(finished)) {
    const images = ['--data', faces, '--validation', path.join(validation, 'hq')];
    const begin = ['--config', configFile(config), ...images, '--out', run, ...settings];
    if (from) begin.push('--from', from);
    const goOn = ['--resume', run];
    await interlcm(['train', ...(existsSync(path.join(run, 'run.json')) ? goOn : begin), ...threads]);
    writeFileSync(finished, '');
  }
  return path.join(run, 'latest');
}

/** @param {string[]} args @returns what it wrote to standard output */
async function interlcm(args) {
  const main = path.join(project, 'dist/cli/main.js');
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (status !== 0) throw new Error(`interlcm ${args.join(' ')} ended with ${status}`);
  return output;
}
