import { generationCost, type StageCost, trainedImageSize } from '../../generate/generation-graphs.ts';
import type { GeneratorModel } from '../../generate/generator-models.ts';
import { parseGeneratorConfigs, publishedGenerators } from '../../generate/published-configs.ts';
import { alignCells } from '../terminal/table.ts';

/**
 * What one image takes at the published sizes, as a table or as JSON.
 * @throws {RangeError} for a side that the networks cannot halve as often as they do
 */
export function estimateGeneration(
  model: GeneratorModel,
  size: number | undefined,
  steps: number,
  json: boolean,
): string {
  const configs = parseGeneratorConfigs(publishedGenerators[model]);
  const imageSize = size ?? trainedImageSize(configs);
  const stages = generationCost(configs, imageSize, steps);
  const bytes = (stage: StageCost): number => 4 * stage.parameters;
  const sum = (of: (stage: StageCost) => number): number =>
    stages.reduce((total, stage) => total + of(stage), 0);
  const most = Math.max(...stages.map(({ footprintBytes }) => footprintBytes));
  const afterText = stages.filter(({ stage }) => stage !== 'text');
  const totals = {
    flops: sum(({ flops }) => flops),
    parameters: sum(({ parameters }) => parameters),
    weightBytes: sum(bytes),
    /** One part loaded at a time, as in `--memory low`. */
    lowMemoryBytes: most,
    /** UNet and decoder loaded together. */
    memoryBytes: Math.max(
      most,
      afterText.reduce((total, { footprintBytes }) => total + footprintBytes, 0),
    ),
  };
  if (json) return `${JSON.stringify({ model, imageSize, steps, stages, ...totals }, null, 2)}\n`;
  const rows = stages.map((stage) => [
    stage.stage,
    `${(stage.parameters / 1e6).toFixed(1)} M`,
    `${(bytes(stage) / 1e9).toFixed(2)} GB`,
    `${stage.calls}`,
    `${(stage.flops / 1e9).toFixed(0)} GFLOP`,
  ]);
  return [
    `${model}: one image of ${imageSize}×${imageSize} in ${steps} steps, float32, counted from the networks\n`,
    alignCells([['', 'parameters', 'weights', 'calls', 'arithmetic'], ...rows]),
    `together ${(totals.flops / 1e12).toFixed(2)} TFLOP and ${(totals.weightBytes / 1e9).toFixed(2)} GB of weights; `,
    `about ${gigabytes(totals.lowMemoryBytes)} of memory with --memory low, ${gigabytes(totals.memoryBytes)} otherwise\n`,
  ].join('');
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
