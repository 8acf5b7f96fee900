/** Walking graphs: order, leaves, and rebuilding with some values replaced. */
import { makeValue } from './ops.ts';
import { isOp, type Value } from './value.ts';

/** All values that `outputs` reach, inputs before users, in a fixed order. */
export function topologicalOrder(outputs: Iterable<Value>): Value[] {
  const order: Value[] = [];
  const seen = new Set<Value>();
  for (const output of outputs) {
    // Depth first without recursion: graphs of thousands of values would overflow the call stack.
    const stack: { value: Value; next: number }[] = [];
    const enter = (value: Value): void => {
      if (seen.has(value)) return;
      seen.add(value);
      stack.push({ value, next: 0 });
    };
    enter(output);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.value.inputs.length) enter(top.value.inputs[top.next++]!);
      else order.push(stack.pop()!.value);
    }
  }
  return order;
}

/** The parameters that `outputs` depend on, by name; two of one name are an error. */
export function parametersOf(outputs: Iterable<Value>): Map<string, Value<'Parameter'>> {
  const parameters = new Map<string, Value<'Parameter'>>();
  for (const value of topologicalOrder(outputs)) {
    if (!isOp(value, 'Parameter')) continue;
    if (parameters.has(value.attributes.name))
      throw new TypeError(
        `Parameter ${value.attributes.name} was made twice: make it once and share the value`,
      );
    parameters.set(value.attributes.name, value);
  }
  return parameters;
}

/** The inputs that `outputs` depend on, by name; two of one name are an error. */
export function inputsOf(outputs: Iterable<Value>): Map<string, Value<'Input'>> {
  const inputs = new Map<string, Value<'Input'>>();
  for (const value of topologicalOrder(outputs)) {
    if (!isOp(value, 'Input')) continue;
    if (inputs.has(value.attributes.name))
      throw new TypeError(`Input ${value.attributes.name} was made twice: make it once and share the value`);
    inputs.set(value.attributes.name, value);
  }
  return inputs;
}

/**
 * Rebuilds the graph of `outputs`. `rewrite` gets each value, inputs first, with its inputs already rebuilt, and
 * returns what stands in its place, or undefined to keep it. What does not change is shared with the old graph.
 */
export function rewriteGraph<Name extends string>(
  outputs: Readonly<Record<Name, Value>>,
  rewrite: (original: Value, inputs: readonly Value[]) => Value | undefined,
): Record<Name, Value> {
  const rebuilt = new Map<Value, Value>();
  for (const value of topologicalOrder(Object.values<Value>(outputs))) {
    const inputs = value.inputs.map((input) => rebuilt.get(input)!);
    const changed = inputs.some((input, i) => input !== value.inputs[i]);
    rebuilt.set(
      value,
      rewrite(value, inputs) ?? (changed ? makeValue(value.op, inputs, value.attributes) : value),
    );
  }
  const entries = Object.entries<Value>(outputs).map(([name, value]) => [name, rebuilt.get(value)!]);
  return Object.fromEntries(entries) as Record<Name, Value>;
}
