/**
 * Three ways to compute attention, chosen by shape as measured on ONNX Runtime's CPU kernels: the fused kernel of
 * com.microsoft for many scores (it never stores all of them), ai.onnx's Attention for few, and plain products for
 * one wide head, where neither fused kernel is fast.
 */
import type { Value } from '../value.ts';
import type { Emitter } from './emitter.ts';

const manyScores = 1 << 20;
const wideHead = 256;
/** Plain attention over more queries than this goes chunk by chunk, so that only some scores exist at a time. */
const queryChunk = 1024;

/** Nodes of an attention, by the kernel that is fastest at its size; returns the name of the result [B, S, heads·D]. */
export function emitAttention(
  emitter: Emitter,
  inputs: readonly string[],
  { attributes: { heads, scale }, inputs: [q, k] }: Value<'Attention'>,
): string {
  if (heads === 1 && q!.shape[2]! >= wideHead) return emitPlainAttention(emitter, inputs, q!, scale);
  if (q!.shape[1]! * k!.shape[1]! >= manyScores)
    return emitter.node(
      'MultiHeadAttention',
      inputs,
      { num_heads: heads, scale: { float: scale } },
      'com.microsoft',
    );
  return emitter.node('Attention', inputs, {
    q_num_heads: heads,
    kv_num_heads: heads,
    scale: { float: scale },
  });
}

/** One head: softmax(scale·q·kᵀ)·v over chunks of queries. */
function emitPlainAttention(
  emitter: Emitter,
  [queries, keys, values]: readonly string[],
  q: Value,
  scale: number,
): string {
  const count = q.shape[1]!;
  const parts: string[] = [];
  for (let start = 0; start < count; start += queryChunk) {
    const part = count <= queryChunk ? queries! : emitQueries(emitter, queries!, start, count);
    const attributes = { transB: 1, alpha: { float: scale } };
    const scores = emitter.node('FusedMatMul', [part, keys!], attributes, 'com.microsoft');
    parts.push(emitter.node('MatMul', [emitter.node('Softmax', [scores], { axis: -1 }), values!]));
  }
  return parts.length === 1 ? parts[0]! : emitter.node('Concat', parts, { axis: 1 });
}

function emitQueries(emitter: Emitter, queries: string, start: number, count: number): string {
  const range = [start, Math.min(start + queryChunk, count), 1].map((i) => emitter.integers([i]));
  return emitter.node('Slice', [queries, ...range]);
}
