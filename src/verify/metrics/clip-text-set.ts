import { z } from 'zod';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import {
  buildClipText,
  type ClipTextConfig,
  clipTextConfigSchema,
} from '../../models/clip-text/clip-text.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { withSession } from '../../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const size = z.number().int().positive();
const towerSchema = z.object({
  namespace: z.string(),
  width: size,
  heads: size,
  layers: size,
  vocab: size,
  length: size,
  layer_norm_eps: z.number().default(1e-5),
});
const activations = ['quick_gelu', 'gelu'] as const;

function configOf(
  spec: z.infer<typeof towerSchema>,
  hidden_act: ClipTextConfig['hidden_act'],
): ClipTextConfig {
  return clipTextConfigSchema.parse({
    vocab_size: spec.vocab,
    hidden_size: spec.width,
    num_hidden_layers: spec.layers,
    num_attention_heads: spec.heads,
    max_position_embeddings: spec.length,
    layer_norm_eps: spec.layer_norm_eps,
    hidden_act,
  });
}

/** A small text tower, with either activation: every layer, both outputs, the pooled text. */
export const verifyClipTextSet: VerifyMetricsSet = async function* (set, { runtime, bind }) {
  const spec = set.spec(towerSchema.extend({ eos: size }));
  const ids = await set.tensor('input_ids');
  for (const activation of activations) {
    const states = buildClipText(
      parameterScope(spec.namespace),
      configOf(spec, activation),
      input('ids', ids.shape),
    );
    const outputs = {
      ...Object.fromEntries(states.hidden.map((hidden, i) => [`hidden${i}`, hidden])),
      last_hidden_state: states.last,
      penultimate: states.penultimate,
    };
    const tensors = formulaTensors(set.json, Object.values(outputs));
    if (activation === activations[0]) yield* verifyWeights(set.json, tensors);
    const model = emitModel('text tower', outputs, await bind(tensors));
    const results = await withSession(runtime, model, (session) => session.run({ ids }));
    const last = results['last_hidden_state']!;
    const pooled = pool(last, ids, spec.eos);
    for (const [name, { shape }] of Object.entries(set.json.tensors)) {
      if (!name.startsWith(`${activation}.`)) continue;
      const [key, rows] = name.slice(activation.length + 1).split('_rows');
      const result = key === 'pooled' ? pooled : results[key!];
      // `_rows23` are texts 2 and 3; else as many texts as the shape says.
      const texts = rows === undefined ? shape[0]! : [...rows].map(Number);
      yield await set.compare(name, result && pickRows(result, texts));
    }
  }
};

/** A text tower of a published size, on one text's ids. */
export const verifyFullClipTextSet: VerifyMetricsSet = async function* (set, { runtime, bind }) {
  const spec = set.spec(
    towerSchema.extend({ activation: z.enum(activations), ids: z.array(z.number().int().nonnegative()) }),
  );
  const ids = hostTensor([1, spec.ids.length], Float32Array.from(spec.ids));
  const scope = parameterScope(spec.namespace);
  const states = buildClipText(scope, configOf(spec, spec.activation), input('ids', ids.shape));
  const tensors = formulaTensors(set.json, [states.last]);
  yield* verifyWeights(set.json, tensors);
  const model = emitModel('text tower', { last: states.last }, await bind(tensors));
  const { last } = await withSession(runtime, model, (session) => session.run({ ids }));
  yield await set.compare('last_hidden_state', last!.data);
};

/** The state at the first end token of each text, [N, C]. */
function pool({ shape, data }: HostTensor, ids: HostTensor, end: number): HostTensor {
  const [batch, length, width] = shape as [number, number, number];
  const pooled = hostTensor([batch, width]);
  for (let n = 0; n < batch; n++) {
    const at = n * length + ids.data.subarray(n * length, (n + 1) * length).indexOf(end);
    pooled.data.set(data.subarray(at * width, (at + 1) * width), n * width);
  }
  return pooled;
}

/** Some items of a batch, or its first few. */
function pickRows({ shape, data }: HostTensor, rows: number | readonly number[]): Float32Array {
  const size = data.length / shape[0]!;
  if (typeof rows === 'number') return data.subarray(0, rows * size);
  return Float32Array.from(
    { length: rows.length * size },
    (_, i) => data[rows[Math.floor(i / size)]! * size + (i % size)]!,
  );
}
