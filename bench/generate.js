/**
 * Text to image at the published sizes, on formula weights in the released layout: time and peak memory of one image.
 *
 *     node bench/generate.js FOLDER [lcm|sd-turbo] [SIZE] [low|balanced|fast]
 *
 * FOLDER keeps the weights, 4.3 or 5.2 GB, made once. Formula weights make no picture: only time and memory mean
 * something.
 */
import path from 'node:path';
import { publishedGenerators } from '../dist/generate/published-configs.js';
import { makeFormulaGenerator } from '../dist/platform/node/model/formula-generator.js';
import { loadGenerator } from '../dist/platform/node/model/load-generator.js';

const [folder, model = 'lcm', size = '512', memory = 'balanced'] = process.argv.slice(2);
if (!folder || (model !== 'lcm' && model !== 'sd-turbo'))
  throw new Error('Usage: node bench/generate.js FOLDER [lcm|sd-turbo] [SIZE] [low|balanced|fast]');

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`);
const root = path.resolve(folder);
await makeFormulaGenerator(root, model, publishedGenerators[model], say);
const generator = await loadGenerator(root, {
  model,
  imageSize: Number(size),
  memory: /** @type {'low' | 'balanced' | 'fast'} */ (memory),
  onProgress: say,
});
const seconds = async (/** @type {() => Promise<unknown>} */ work) => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1e3;
};
let context;
const textSeconds = await seconds(async () => {
  context = await generator.encode('a photo of a face');
});
const imageSeconds = [];
for (const seed of [0, 1]) imageSeconds.push(await seconds(() => generator.generate(context, { seed })));
process.stdout.write(
  `${JSON.stringify({ model, size: Number(size), memory, device: generator.device, textSeconds, imageSeconds, peakRssBytes: process.resourceUsage().maxRSS * 1024 }, null, 2)}\n`,
);
await generator.release();
