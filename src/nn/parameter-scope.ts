import { parameter } from '../graph/ops.ts';
import type { Shape, Value } from '../graph/value.ts';

/** Names a network's weights by checkpoint key: `scope.at('mid_block').at('resnets.0').get('conv1.weight', …)`. */
export interface ParameterScope {
  /** The weight `key` below this scope; asked for twice, it is the same value. */
  get(key: string, shape: Shape): Value;
  /** The scope of a part. */
  at(part: string): ParameterScope;
}

/**
 * The root scope of a network.
 * @param network prefix of the full names, such as `unet` for `unet/conv_in.weight`
 */
export function parameterScope(network: string): ParameterScope {
  const known = new Map<string, Value>();
  const scope = (prefix: string): ParameterScope => ({
    get(key, shape) {
      const name = prefix + key;
      let value = known.get(name);
      if (!value) {
        value = parameter(name, shape);
        known.set(name, value);
      }
      return value;
    },
    at: (part) => scope(`${prefix}${part}.`),
  });
  return scope(`${network}/`);
}
