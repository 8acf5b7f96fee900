import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import { inputsOf, parametersOf } from '../graph.ts';
import { sampleTensor } from '../op-cases.test-support.ts';
import { add, conv, input, matmul, mul, parameter, relu, reshape, sigmoid, transpose } from '../ops.ts';
import { evaluate } from '../reference-ops.test-support.ts';
import { isOp, type Value } from '../value.ts';
import { hoist } from './hoist.ts';
import { useWinograd } from './winograd.ts';

const isParameter = (leaf: Value): boolean => isOp(leaf, 'Parameter');
const isNamed =
  (...names: string[]) =>
  (leaf: Value): boolean =>
    isOp(leaf, 'Input') && names.includes(leaf.attributes.name);
const inputLeaf = (value: Value, index: number): Value<'Input'> => input(`hoisted${index}`, value.shape);

/** Evaluates the outputs directly, then as prologue and body, and expects the very same numbers. */
function expectSameResults<Name extends string>(
  outputs: Record<Name, Value>,
  { body, hoisted }: ReturnType<typeof hoist<Name>>,
): void {
  const roots = Object.values<Value>(outputs);
  const leaves = new Map<string, HostTensor>();
  for (const [name, { shape }] of [...inputsOf(roots), ...parametersOf(roots)])
    leaves.set(name, sampleTensor(shape, leaves.size));
  const bodyLeaves = new Map(leaves);
  for (const [name, value] of hoisted) bodyLeaves.set(name, evaluate(value, leaves));
  for (const name of Object.keys(outputs) as Name[])
    expect(evaluate(body[name], bodyLeaves)).toEqual(evaluate(outputs[name], leaves));
}

describe('hoist', () => {
  const fixed = input('fixed', [2, 3]);
  const varying = input('varying', [2, 3]);

  it('moves the largest invariant parts out', () => {
    const inner = relu(fixed);
    const outer = sigmoid(mul(inner, 2));
    const y = add(outer, varying);
    const result = hoist({ y }, isNamed('fixed'), inputLeaf);
    expect([...result.hoisted]).toEqual([['hoisted0', outer]]);
    expect([...inputsOf([result.body.y]).keys()].sort()).toEqual(['hoisted0', 'varying']);
    expectSameResults({ y }, result);
  });

  it('hoists each value once, however often it is used', () => {
    const shared = sigmoid(fixed);
    const outputs = { y: add(shared, varying), z: mul(varying, shared) };
    const result = hoist(outputs, isNamed('fixed'), inputLeaf);
    expect([...result.hoisted.values()]).toEqual([shared]);
    expectSameResults(outputs, result);
  });

  it('hoists an inner value too when something that varies reads it', () => {
    const inner = relu(fixed);
    const outer = sigmoid(inner);
    const outputs = { y: add(outer, varying), z: mul(inner, varying) };
    const result = hoist(outputs, isNamed('fixed'), inputLeaf);
    expect(new Set(result.hoisted.values())).toEqual(new Set([inner, outer]));
    expectSameResults(outputs, result);
  });

  it('hoists a whole output that does not vary', () => {
    const outputs = { y: relu(fixed), z: relu(varying) };
    const result = hoist(outputs, isNamed('fixed'), inputLeaf);
    expect([...result.hoisted.values()]).toEqual([outputs.y]);
    expect(result.body.z).toBe(outputs.z);
    expectSameResults(outputs, result);
  });

  it('leaves alone what only moves data', () => {
    const y = matmul(varying, transpose(reshape(fixed, [2, 3]), [1, 0]));
    const result = hoist({ y }, isNamed('fixed'), inputLeaf);
    expect(result.hoisted.size).toBe(0);
    expect(result.body.y).toBe(y);
  });

  it('hoists moved data together with the work before it', () => {
    const moved = transpose(relu(fixed), [1, 0]);
    const y = matmul(varying, moved);
    const result = hoist({ y }, isNamed('fixed'), inputLeaf);
    expect([...result.hoisted.values()]).toEqual([moved]);
    expectSameResults({ y }, result);
  });

  it('hoists nothing where every leaf varies', () => {
    const y = add(relu(fixed), varying);
    const result = hoist({ y }, () => false, inputLeaf);
    expect(result.hoisted.size).toBe(0);
    expect(result.body.y).toBe(y);
  });

  it('hoists in turn: first what depends on weights, then what depends on one input', () => {
    const weight = parameter('w', [3, 3]);
    const context = sigmoid(matmul(fixed, relu(weight)));
    const y = add(matmul(varying, relu(weight)), context);
    const weights = hoist({ y }, isParameter, (value, i) => parameter(`prepared.${i}`, value.shape));
    expect(weights.hoisted.size).toBe(2);
    const inputs = hoist(weights.body, (leaf) => isParameter(leaf) || isNamed('fixed')(leaf), inputLeaf);
    expect(inputs.hoisted.size).toBe(1);

    const leaves = new Map([
      ['fixed', sampleTensor([2, 3], 1)],
      ['varying', sampleTensor([2, 3], 2)],
      ['w', sampleTensor([3, 3], 3)],
    ]);
    const expected = evaluate(y, leaves);
    for (const stage of [weights.hoisted, inputs.hoisted])
      for (const [name, value] of stage) leaves.set(name, evaluate(value, leaves));
    expect(evaluate(inputs.body.y, leaves)).toEqual(expected);
  });

  it('takes the kernel transform out of a Winograd convolution', () => {
    const x = input('x', [1, 32, 4, 4]);
    const direct = conv(x, parameter('w', [32, 32, 3, 3]), undefined, { padding: 1 });
    const outputs = useWinograd({ y: direct }, { minSide: 4, bandBytes: 1 });
    const result = hoist(outputs, isParameter, (value) => parameter('transformed', value.shape));
    expect([...result.hoisted.values()].map(({ shape }) => shape)).toEqual([[36, 32, 32]]);
    expect([...parametersOf([result.body.y]).keys()]).toEqual(['transformed']);
    expectSameResults(outputs, result);
  });
});
