/** Which layout of images a machine's convolution kernels are made for. */
import { type EmitOptions, emitModel, noParameters } from '../graph/onnx/emit-model.ts';
import { conv, input } from '../graph/ops.ts';
import { elementCount, hostTensor, relativeError } from '../tensor/host-tensor.ts';
import { type Runtime, type Tensors, withSession } from './runtime.ts';

const channels = 16;
const shapes = { x: [1, channels, 32, 32], weight: [channels, channels, 3, 3] };
/** Of sums of 144 products; a wrong layout gives other numbers altogether. */
const tolerance = 1e-4;

/**
 * The block of channels that the runtime's kernels take, for `emitModel`, or undefined where they take none. A small
 * convolution tells: the kernels give no sign of their layout but their results.
 */
export async function findConvolutionBlock(runtime: Runtime): Promise<number | undefined> {
  if (runtime.convolutionBlocks.length === 0) return undefined;
  const y = conv(input('x', shapes.x), input('weight', shapes.weight), undefined, { padding: 1 });
  const feeds: Tensors = Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => [
      name,
      hostTensor(shape, testValues(elementCount(shape), i)),
    ]),
  );
  const compute = async (options: EmitOptions): Promise<Float32Array> => {
    const model = emitModel('convolution', { y }, noParameters, options);
    const results = await withSession(runtime, model, (session) => session.run(feeds));
    return results['y']!.data;
  };
  const expected = await compute({});
  for (const convolutionBlock of runtime.convolutionBlocks)
    if (relativeError(await compute({ convolutionBlock }), expected) < tolerance) return convolutionBlock;
  return undefined;
}

/** Between -1 and 1, no two neighbours alike. */
function testValues(count: number, phase: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(1 + i * (1.3 + phase)));
}
