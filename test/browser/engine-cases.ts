/** What a browser's engine and Node's must compute alike. */
import { emitModel } from '../../src/graph/onnx/emit-model.ts';
import { attention, conv, input } from '../../src/graph/ops.ts';
import { useWinograd } from '../../src/graph/passes/winograd.ts';
import { fixColor } from '../../src/image/color-fix.ts';
import type { Checkpoint } from '../../src/restore/checkpoint.ts';
import { loadStages } from '../../src/restore/create-restorer.ts';
import { restoreFaces } from '../../src/restore/restore-faces.ts';
import { type Runtime, withSession } from '../../src/runtime/runtime.ts';
import type { HostTensor } from '../../src/tensor/host-tensor.ts';
import { formulaImage, formulaNoise, microSpec } from '../../src/verify/formula.ts';

export type TensorValues = Record<string, number[]>;

/** Every tensor of the restoration of the formula's image by the micro model. */
export async function restoreFormulaImage(checkpoint: Checkpoint, runtime: Runtime): Promise<TensorValues> {
  const { image_size: size } = microSpec;
  const lq = formulaImage(1, size);
  const noises = [0, 1, 2].map((k) => formulaNoise(k, [1, 4, size / 8, size / 8]));
  const values: TensorValues = {};
  const observe = (name: string, { data }: HostTensor): void => {
    values[name] = Array.from(data);
  };
  const stages = await loadStages(checkpoint, runtime, { batch: 1, height: size, width: size });
  try {
    const decoded = await restoreFaces(checkpoint, stages.run, lq, { noises, colorFix: 'none', observe });
    observe('wavelet', fixColor(decoded, lq, 'wavelet'));
  } finally {
    await stages.pool.release();
  }
  return values;
}

/** The kernels that only larger models use: every form of attention, and Winograd convolution. */
export async function runKernels(runtime: Runtime): Promise<TensorValues> {
  const [many, few, wide] = [
    [1, 1024, 32],
    [1, 64, 32],
    [1, 64, 256],
  ].map((shape, i) => input(`sequence${i}`, shape));
  const image = input('image', [1, 32, 16, 16]);
  const weight = input('weight', [32, 32, 3, 3]);
  const { winograd } = useWinograd(
    { winograd: conv(image, weight, undefined, { padding: 1 }) },
    { minSide: 16, bandBytes: 2 ** 20 },
  );
  const outputs = {
    manyScores: attention(many!, many!, many!, 4),
    fewScores: attention(few!, few!, few!, 4),
    wideHead: attention(wide!, wide!, wide!, 1),
    winograd: winograd!,
  };
  const model = emitModel('kernels', outputs, () => ({ kind: 'input' }));
  const feeds = Object.fromEntries(
    [...model.inputs].map(([name, shape], k) => [name, formulaNoise(k, shape)] as const),
  );
  const results = await withSession(runtime, model, (session) => session.run(feeds));
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data)]));
}
