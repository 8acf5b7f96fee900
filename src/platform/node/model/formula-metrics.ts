/** The networks of metrics with formula weights, as files in the released layout: to time them, and to try commands on. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encodeTorchArchive } from '../../../checkpoint/torch-archive-writer.ts';
import { parametersOf } from '../../../graph/graph.ts';
import { input } from '../../../graph/ops.ts';
import type { Shape, Value } from '../../../graph/value.ts';
import type { MetricWeight } from '../../../metrics/metric-table.ts';
import { arcfaceSize, buildArcface } from '../../../models/arcface/arcface.ts';
import { buildInception, inceptionSize } from '../../../models/inception/inception.ts';
import { buildLpips } from '../../../models/lpips/lpips.ts';
import { buildMusiq, inferMusiqConfig } from '../../../models/musiq/musiq.ts';
import { keyOf, parameterScope, prefixOf } from '../../../nn/parameter-scope.ts';
import { type FormulaRange, formulaRange, formulaWeight } from '../../../verify/formula.ts';
import { writeAtomically } from '../files/atomic-write.ts';
import { exists } from '../files/file-kind.ts';
import { makeFolder } from '../files/make-folder.ts';
import { metricWeightPath } from './metric-weights.ts';

/** Tokens of MUSIQ for a picture of 512 × 512. */
const musiqTokens = 7 ** 2 + 12 ** 2 + 16 ** 2;

/** Graphs of the published networks for pictures of 512 × 512, by the weights that name them. */
export function metricGraphs(): Readonly<
  Record<'inception' | 'lpips-alex' | 'lpips-vgg' | 'musiq' | 'arcface', Value>
> {
  const pictures = [input('a', [1, 3, 512, 512]), input('b', [1, 3, 512, 512])] as const;
  const lpips = (trunk: 'alex' | 'vgg', name: MetricWeight) =>
    buildLpips({ trunk: parameterScope(name), linear: parameterScope(`lpips-${trunk}`) }, ...pictures, {
      trunk,
      doubleNormalisation: false,
    });
  return {
    inception: buildInception(
      parameterScope('inception'),
      input('image', [1, 3, inceptionSize, inceptionSize]),
    ).pool3,
    'lpips-alex': lpips('alex', 'alexnet'),
    'lpips-vgg': lpips('vgg', 'vgg16'),
    musiq: buildMusiq(parameterScope('musiq'), inferMusiqConfig(new Map()), {
      patches: input('patches', [musiqTokens, 3, 32, 32]),
      positions: input('positions', [musiqTokens]),
      scales: input('scales', [musiqTokens]),
    }).score,
    arcface: buildArcface(parameterScope('arcface'), input('face', [1, 1, arcfaceSize, arcfaceSize])),
  };
}

/**
 * Writes the files that are not there yet to the places in `folder` where `download` puts the published ones; DreamSim's
 * are none of them.
 */
export async function makeFormulaMetrics(
  folder: string,
  onProgress: (message: string) => void = () => {},
): Promise<void> {
  const byWeight = new Map<string, Map<string, Shape>>();
  for (const [name, { shape }] of parametersOf(Object.values(metricGraphs()))) {
    const own = byWeight.get(prefixOf(name)) ?? new Map<string, Shape>();
    byWeight.set(prefixOf(name), own.set(name, shape));
  }
  for (const [weight, shapes] of byWeight) {
    const file = path.join(folder, metricWeightPath(weight as MetricWeight));
    if (await exists(file)) continue;
    onProgress(`making ${file}`);
    await makeFolder(path.dirname(file));
    const params = [...shapes].map(([name, shape]) => ({
      name: keyOf(name),
      shape,
      data: formulaWeight(name, shape, rangeOf(name, shape)),
    }));
    await writeAtomically(file, (handle) => writeFile(handle, encodeTorchArchive({ params })));
  }
}

/** Ranges that keep what goes through the networks finite: variances about one, distances above zero, LPIPS's weights too. */
function rangeOf(name: string, shape: Shape): FormulaRange {
  if (name.endsWith('.running_var')) return { offset: 1, scale: 0.1 };
  if (/^lpips-\w+\//.test(name)) return { offset: 0.5, scale: 0.5 };
  const range = formulaRange(name, shape);
  // Rectified layers halve the variance.
  return shape.length === 4 ? { ...range, scale: range.scale * Math.SQRT2 } : range;
}
