/** Which inputs and outputs of an ONNX file take and give pictures, and what its further inputs are fed. */
import type { OnnxType } from '../../graph/onnx/emit-model.ts';
import type { OnnxContents, OnnxPort } from '../../graph/onnx/read-model.ts';
import { fileLimits } from '../../tensor/file-limits.ts';
import { elementCount, type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import type { RestorerConfig } from './restorer-config.ts';

type Layout = 'nchw' | 'nhwc';

export interface PicturePort {
  readonly name: string;
  readonly type: OnnxType;
  readonly layout: Layout;
  /** Side of the square. */
  readonly size: number;
}

export interface FurtherInput {
  readonly type: OnnxType;
  readonly tensor: HostTensor;
}

export interface RestorerPorts {
  readonly input: PicturePort;
  readonly output: PicturePort;
  readonly further: ReadonlyMap<string, FurtherInput>;
  /** The further input that sets how far results follow the photo. */
  readonly fidelity?: string;
}

/** TensorProto.DataType */
const types: Readonly<Record<number, OnnxType>> = {
  1: 'float32',
  2: 'uint8',
  6: 'int32',
  7: 'int64',
  10: 'float16',
  11: 'float64',
};

/** CodeFormer's published ONNX file calls it so; half is what its own script takes unless told otherwise. */
const usualFidelity = { names: ['weight', 'w'], value: 0.5 };

/** @throws {RangeError} saying what is to be told about the file, or why it cannot restore */
export function choosePorts({ inputs, outputs }: OnnxContents, config: RestorerConfig): RestorerPorts {
  const image = choosePicture(inputs, config);
  const input = picturePort('input', image, config);
  const given = outputs.find(({ name }) => name === config.output) ?? outputs[0];
  if (!given || (config.output !== undefined && given.name !== config.output))
    throw new RangeError(`it has no output ${config.output ?? 'at all'}; it has ${namesOf(outputs)}`);
  const output = picturePort('output', given, { size: input.size });
  const others = inputs.filter((port) => port !== image);
  const fidelity =
    config.fidelity ??
    others.find((port) => usualFidelity.names.includes(port.name) && countOf(port) === 1)?.name;
  const values = { ...(fidelity !== undefined && { [fidelity]: usualFidelity.value }), ...config.inputs };
  for (const name of Object.keys(values))
    if (!others.some((port) => port.name === name))
      throw new RangeError(`it has no further input ${name}; it has ${namesOf(others)}`);
  const further = new Map(others.map((port) => [port.name, furtherInput(port, values[port.name])]));
  return { input, output, further, ...(fidelity !== undefined && { fidelity }) };
}

function choosePicture(inputs: readonly OnnxPort[], { input }: RestorerConfig): OnnxPort {
  if (input !== undefined) {
    const named = inputs.find(({ name }) => name === input);
    if (!named) throw new RangeError(`it has no input ${input}; it has ${namesOf(inputs)}`);
    return named;
  }
  const candidates = inputs.filter(
    ({ shape }) =>
      shape?.length === 4 && [1, 3].some((axis) => shape[axis] === 3 || shape[axis] === undefined),
  );
  if (candidates.length === 1) return candidates[0]!;
  throw new RangeError(
    candidates.length === 0
      ? `none of its inputs takes a picture: ${namesOf(inputs)}`
      : `which of its inputs takes the picture must be told: ${namesOf(candidates)}`,
  );
}

function picturePort(
  role: 'input' | 'output',
  port: OnnxPort,
  { layout, size }: Pick<RestorerConfig, 'layout' | 'size'>,
): PicturePort {
  const { name } = port;
  const { shape } = port;
  const type = typeOf(port);
  if (type === 'int32' || type === 'int64') throw new RangeError(`${name} is no picture: it is of ${type}`);
  if (shape && shape.length !== 4)
    throw new RangeError(`${role} ${name} is no picture: its shape is ${formatPort(port)}`);
  const told = shape?.[1] === 3 ? 'nchw' : shape?.[3] === 3 ? 'nhwc' : undefined;
  const chosen =
    told !== undefined && shape![1] === 3 && shape![3] === 3 ? (layout ?? told) : (told ?? layout ?? 'nchw');
  if (layout !== undefined && chosen !== layout)
    throw new RangeError(`${role} ${name} is ${chosen}, not ${layout}: its shape is ${formatPort(port)}`);
  const [batch, ...rest] = shape ?? [undefined, undefined, undefined, undefined];
  const [height, width, channels] =
    chosen === 'nchw' ? [rest[1], rest[2], rest[0]] : [rest[0], rest[1], rest[2]];
  if (batch !== undefined && batch > 1)
    throw new RangeError(`${role} ${name} takes ${batch} pictures at once; one at a time is needed`);
  if (channels !== undefined && channels !== 3)
    throw new RangeError(`${role} ${name} has ${channels} channels; a picture has 3`);
  if (height !== undefined && width !== undefined && height !== width)
    throw new RangeError(`${role} ${name} is ${width} x ${height}; faces are square`);
  const fixed = height ?? width;
  if (role === 'input' && fixed !== undefined && size !== undefined && fixed !== size)
    throw new RangeError(`${role} ${name} is ${fixed} x ${fixed}, not ${size} x ${size}`);
  const side = fixed ?? size;
  if (side === undefined)
    throw new RangeError(`input ${name} takes pictures of any size: the size it was made for must be told`);
  if (side < 16 || side > fileLimits.network.side)
    throw new RangeError(
      `${role} ${name} is ${side} x ${side}: 16 to ${fileLimits.network.side} are possible`,
    );
  return { name, type, layout: chosen, size: side };
}

function furtherInput(port: OnnxPort, value: number | readonly number[] | undefined): FurtherInput {
  const { name } = port;
  if (value === undefined)
    throw new RangeError(`its input ${name} ${formatPort(port)} needs a value, which must be told`);
  const count = countOf(port);
  if (count > 10_000) throw new RangeError(`its input ${name} takes ${count} numbers, which is too many`);
  if (typeof value !== 'number' && value.length !== count)
    throw new RangeError(`its input ${name} takes ${count} numbers, not ${value.length}`);
  const shape = (port.shape ?? []).map((extent) => extent ?? 1);
  const data = typeof value === 'number' ? new Float32Array(count).fill(value) : Float32Array.from(value);
  return { type: typeOf(port), tensor: hostTensor(shape, data) };
}

function typeOf({ name, type }: OnnxPort): OnnxType {
  const known = types[type ?? 0];
  if (known === undefined)
    throw new RangeError(`${name} is of a type that is not supported (${type ?? 'none'})`);
  return known;
}

/** Values of a tensor, extents that are open taken for 1. */
function countOf({ shape }: OnnxPort): number {
  return elementCount((shape ?? []).map((extent) => extent ?? 1));
}

function formatPort({ shape }: OnnxPort): string {
  return shape ? `[${shape.map((extent) => extent ?? '?').join(', ')}]` : 'not told';
}

function namesOf(ports: readonly OnnxPort[]): string {
  return ports.length === 0 ? 'none' : ports.map((port) => `${port.name} ${formatPort(port)}`).join(', ');
}
