import { emitModel } from '../../graph/onnx/emit-model.ts';
import { attention, input } from '../../graph/ops.ts';
import { RandomStream } from '../../random/random-stream.ts';
import { type Runtime, withSession } from '../../runtime/runtime.ts';
import { elementCount, hostTensor, relativeError } from '../../tensor/host-tensor.ts';

/** As many tokens as make the fused kernel the choice, heads as wide as the published UNet's first. */
const tokens = 1024;
const heads = 2;
const headWidth = 40;

/** Sums of a thousand float32 products differ by less; a wrong kernel by far more. */
const tolerance = 1e-3;

/**
 * The relative error of a device's fused attention, compared with sums in double precision. There are WebGPU devices
 * on which it gives wrong numbers.
 */
async function attentionError(runtime: Runtime): Promise<number> {
  const shape = [1, tokens, heads * headWidth];
  const [q, k, v] = ['q', 'k', 'v'].map((name) => input(name, shape));
  const model = emitModel('attention check', { mixed: attention(q!, k!, v!, heads) }, () => ({
    kind: 'input',
  }));
  const draw = (index: number): Float32Array =>
    new RandomStream(0, [index]).fillNormal(new Float32Array(elementCount(shape)));
  const [queries, keys, values] = [draw(0), draw(1), draw(2)];
  const feeds = { q: hostTensor(shape, queries), k: hostTensor(shape, keys), v: hostTensor(shape, values) };
  const { mixed } = await withSession(runtime, model, (session) => session.run(feeds));
  return relativeError(mixed!.data, expectedAttention(queries, keys, values));
}

/** What is wrong with a device's attention, in words; undefined if it can be relied on. */
export async function findAttentionProblem(runtime: Runtime): Promise<string | undefined> {
  try {
    const error = await attentionError(runtime);
    if (error <= tolerance) return undefined;
    return `its attention is wrong here, by ${(100 * error).toPrecision(2)} %`;
  } catch (error) {
    return `it fails here (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** softmax(q·kᵀ/√width)·v per head, plainly. */
function expectedAttention(q: Float32Array, k: Float32Array, v: Float32Array): Float32Array {
  const width = heads * headWidth;
  const mixed = new Float32Array(tokens * width);
  for (let first = 0; first < width; first += headWidth)
    for (let i = 0; i < tokens; i++) {
      const weights = new Float64Array(tokens);
      let total = 0;
      for (let j = 0; j < tokens; j++) {
        let score = 0;
        for (let c = first; c < first + headWidth; c++) score += q[i * width + c]! * k[j * width + c]!;
        weights[j] = Math.exp(score / Math.sqrt(headWidth)); // scores are small: no overflow
        total += weights[j]!;
      }
      for (let c = first; c < first + headWidth; c++) {
        let sum = 0;
        for (let j = 0; j < tokens; j++) sum += weights[j]! * v[j * width + c]!;
        mixed[i * width + c] = sum / total;
      }
    }
  return mixed;
}
