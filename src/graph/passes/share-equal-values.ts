/** Common-subexpression elimination: values made alike of the same inputs become one. */
import { topologicalOrder } from '../graph.ts';
import { makeValue } from '../ops.ts';
import { isOp, type Value } from '../value.ts';

/**
 * Merges equal values, such as the sampler's encoding of the photo, written once a step and computed once.
 * Leaves keep their identity; constants are compared by content.
 */
export function shareEqualValues<Name extends string>(
  outputs: Readonly<Record<Name, Value>>,
): Record<Name, Value> {
  const shared = new Map<Value, Value>();
  const numbers = new Map<Value, number>();
  const known = new Map<string, Value>();
  const share = (value: Value, key: string): Value => {
    const first = known.get(key) ?? value;
    known.set(key, first);
    if (!numbers.has(first)) numbers.set(first, numbers.size);
    return first;
  };
  for (const value of topologicalOrder(Object.values<Value>(outputs))) {
    if (isOp(value, 'Constant')) {
      const { data } = value.attributes;
      shared.set(
        value,
        share(value, `Constant ${value.shape} ${data.length > 4096 ? `#${numbers.size}` : data.join()}`),
      );
      continue;
    }
    if (value.inputs.length === 0) {
      shared.set(value, share(value, `leaf ${numbers.size}`));
      continue;
    }
    const inputs = value.inputs.map((input) => shared.get(input)!);
    const key = `${value.op} ${JSON.stringify(value.attributes)} ${inputs.map((input) => numbers.get(input)).join()}`;
    const same = inputs.every((input, i) => input === value.inputs[i]);
    shared.set(value, share(same ? value : makeValue(value.op, inputs, value.attributes), key));
  }
  const entries = Object.entries<Value>(outputs).map(([name, value]) => [name, shared.get(value)!]);
  return Object.fromEntries(entries) as Record<Name, Value>;
}
