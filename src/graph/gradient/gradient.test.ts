import { describe, expect, it } from 'vitest';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { parametersOf } from '../graph.ts';
import { opCases, sampleTensor } from '../op-cases.test-support.ts';
import { add, constant, input, mul, reduceSum, sign } from '../ops.ts';
import { evaluate } from '../reference-ops.test-support.ts';
import type { OpType, Value } from '../value.ts';
import { gradients } from './gradient.ts';
import { gradientRules } from './rules.ts';

/** Half the step of the central differences: rounding of float32 and the third derivative weigh about the same. */
const step = 5e-3;
/** Of the largest entry of the gradient: what such differences can resolve. A wrong rule is off by far more. */
const tolerance = 3e-3;
/** So many elements of each input are varied. */
const probes = 20;

/** Samples away from zero, where Abs, Relu and LeakyRelu have a kink. */
function smoothSample(shape: readonly number[], seed: number, lowest?: number): HostTensor {
  const sample = sampleTensor(shape, seed, lowest);
  return hostTensor(
    shape,
    sample.data.map((x) => (Math.abs(x) < 0.05 ? 0.3 : x)),
  );
}

/** Rows that say nothing about a rule, or too slowly, by what their name contains. */
const left: Partial<Record<OpType, RegExp>> = {
  // No gradient, by a clear error.
  MaxPool: /pad/,
  AveragePool: /pad/,
  Pad: /edge|reflect|mirror/,
  // The rule is the same for any number of scores; plain TypeScript would take minutes for many.
  Attention: /many scores|more than/,
  // So steep that differences of this step do not resolve it.
  Softmax: /large scores/,
};

const rows = (Object.keys(opCases) as OpType[]).flatMap((op) =>
  typeof gradientRules[op] === 'string'
    ? []
    : opCases[op]
        .filter((opCase) => !left[op]?.test(opCase.name))
        .map((opCase) => ({ op, opCase, title: `${op} ${opCase.name}` })),
);

describe('every gradient rule agrees with central differences', () => {
  it.each(rows)('$title', ({ opCase }) => {
    const inputs = opCase.inputs.map((shape, i) => input(`x${i}`, shape));
    const y = opCase.build(...inputs);
    const leaves = new Map(opCase.inputs.map((shape, i) => [`x${i}`, smoothSample(shape, i, opCase.lowest)]));
    for (const [name, { shape }] of parametersOf([y])) leaves.set(name, sampleTensor(shape, 7));
    const weights = constant(y.shape, sampleTensor(y.shape, 99).data);
    const loss = reduceSum(mul(y, weights));
    const analytic = gradients(loss, inputs).map((gradient) => evaluate(gradient, leaves).data);

    const lossAt = (): number => {
      const { data } = evaluate(y, leaves);
      const { data: weight } = evaluate(weights, leaves);
      return data.reduce((sum, value, i) => sum + value * weight[i]!, 0);
    };
    inputs.forEach((value, i) => {
      const { data } = leaves.get(value.attributes.name)!;
      const scale = analytic[i]!.reduce((largest, g) => Math.max(largest, Math.abs(g)), 1e-3);
      const stride = Math.max(1, Math.floor(data.length / probes));
      for (let at = 0; at < data.length; at += stride) {
        const original = data[at]!;
        data[at] = original + step;
        const up = data[at]!;
        const above = lossAt();
        data[at] = original - step;
        const difference = (above - lossAt()) / (up - data[at]!);
        data[at] = original;
        expect(Math.abs(difference - analytic[i]![at]!) / scale, `input ${i}, element ${at}`).toBeLessThan(
          tolerance,
        );
      }
    });
  });
});

it('adds up the gradients of a value that is used twice', () => {
  const x = input('x', [3]);
  const [gradient] = gradients(reduceSum(add(mul(x, x), x)), [x]);
  const leaves = new Map([['x', hostTensor([3], Float32Array.of(1, -2, 3))]]);
  expect([...evaluate(gradient as Value, leaves).data]).toEqual([3, -3, 7]);
});

it('is zero where the loss does not depend on a value', () => {
  const x = input('x', [2]);
  const [gradient] = gradients(reduceSum(input('y', [2])), [x]);
  expect([...evaluate(gradient as Value, new Map()).data]).toEqual([0, 0]);
});

it('says which operation has no gradient, and why', () => {
  const x = input('x', [2]);
  expect(() => gradients(reduceSum(sign(x)), [x])).toThrow(/Sign has no gradient: .*constant/);
});

it('takes gradients of scalars only', () => {
  const x = input('x', [2]);
  expect(() => gradients(x, [x])).toThrow(/A loss is a scalar, not a tensor of \[2\]/);
});
