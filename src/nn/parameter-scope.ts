/** Full names of weights: a network's prefix, a slash, and the checkpoint's key, as in `unet/conv_in.weight`. */
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
 * @param prefix of the full names, such as `unet` for `unet/conv_in.weight`
 */
export function parameterScope(prefix: string): ParameterScope {
  const known = new Map<string, Value>();
  const scope = (path: string): ParameterScope => ({
    get(key, shape) {
      const name = path + key;
      let value = known.get(name);
      if (!value) {
        value = parameter(name, shape);
        known.set(name, value);
      }
      return value;
    },
    at: (part) => scope(`${path}${part}.`),
  });
  return scope(parameterName(prefix, ''));
}

/** `unet` and `conv_in.weight` as `unet/conv_in.weight`. */
export function parameterName(prefix: string, key: string): string {
  return `${prefix}/${key}`;
}

/** `unet` of `unet/conv_in.weight`. */
export function prefixOf(name: string): string {
  return name.split('/', 1)[0]!;
}

/** The checkpoint's key, `conv_in.weight` of `unet/conv_in.weight`. */
export function keyOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}
