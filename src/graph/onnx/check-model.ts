/** Refuses ONNX files from elsewhere that could reach beyond what networks do, or beyond the machine. */
import { fileLimits } from '../../tensor/file-limits.ts';
import type { OnnxContents, OnnxNode, StoredOnnxTensor } from './read-model.ts';

/** A part of another file that a tensor's bytes are in. */
export interface ExternalBytes {
  readonly tensor: string;
  /** as the file names it, relative to its own folder */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** Bits of a value by TensorProto.DataType; of texts there are none. */
const bitsOf: Readonly<Record<number, number>> = {
  ...{ 1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16 },
  ...{ 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4 },
};
/** Whose operations come with ONNX Runtime. */
const knownDomains = new Set(['', 'ai.onnx', 'com.microsoft']);
/** They may run for ever, or grow without bound. */
const endless = new Set(['Loop', 'Scan', 'SequenceMap']);
const { values: mostValues, repeats: mostRepeats, weightBytes: mostBytes } = fileLimits.onnx;

/**
 * @returns what the file needs of other files
 * @throws {RangeError} naming the node or tensor that is refused
 */
export function checkModel({ nodes, tensors, declared, functions }: OnnxContents): ExternalBytes[] {
  const external: ExternalBytes[] = [];
  let weightBytes = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    weightBytes += bytes;
    if (weightBytes > mostBytes) throw new RangeError(`its weights are over ${mostBytes} bytes`);
    if (tensor.external) external.push(externalBytes(tensor, tensor.external, bytes));
  }
  for (const { name, shape } of declared)
    if (shape && countOf(shape.map((extent) => extent ?? 1)) > mostValues)
      throw new RangeError(`${quoted(name)} is declared with over ${mostValues} values`);
  // Inner graphs may use a name again: all that it may stand for counts.
  const shapes = (name: string | undefined): readonly (readonly number[])[] => byName.get(name ?? '') ?? [];
  const byName = new Map<string, (readonly number[])[]>();
  for (const { name, integers } of tensors)
    if (integers) byName.set(name, [...(byName.get(name) ?? []), integers]);
  for (const node of nodes) {
    if (!knownDomains.has(node.domain) && !functions.has(`${node.domain}:${node.op}`))
      throw new RangeError(
        `${nodeName(node)} is of ${quoted(node.domain)}: operations of other libraries are not loaded`,
      );
    if (endless.has(node.op)) throw new RangeError(`${nodeName(node)} may run without end, and is not run`);
    checkSize(node, shapes);
  }
  return external;
}

/** Refuses a node whose result's size the file fixes, and fixes too large. */
function checkSize(
  node: OnnxNode,
  integersOf: (name: string | undefined) => readonly (readonly number[])[],
): void {
  const refuse = (): never => {
    throw new RangeError(`${nodeName(node)} would make over ${mostValues} values`);
  };
  const attribute = (name: string): readonly number[][] => {
    const integers = node.integers.get(name);
    return integers ? [[...integers]] : [];
  };
  const shapeInput = { ConstantOfShape: 0, Expand: 1, Resize: 3 }[node.op];
  const shapes = shapeInput === undefined ? attribute('shape') : integersOf(node.inputs[shapeInput]);
  if (shapes.some((shape) => countOf(shape) > mostValues)) refuse();
  if (node.op === 'Tile' && integersOf(node.inputs[1]).some((repeats) => countOf(repeats) > mostRepeats))
    refuse();
  const pads = node.op === 'Pad' ? [...integersOf(node.inputs[1]), ...attribute('pads')].flat() : [];
  if (pads.some((pad) => Math.abs(pad) > mostRepeats)) refuse();
}

/** Values of a shape; extents that are not known yet, 0 and below, count as 1. */
function countOf(shape: readonly number[]): number {
  return shape.reduce((count, extent) => count * Math.max(1, extent), 1);
}

function bytesOf({ name, type, dims }: StoredOnnxTensor): number {
  if (dims.length > fileLimits.rank || dims.some((extent) => !Number.isSafeInteger(extent) || extent < 0))
    throw new RangeError(`tensor ${quoted(name)} has the shape [${dims.slice(0, 8).join(', ')}]`);
  const bits = bitsOf[type];
  if (bits === undefined)
    throw new RangeError(`tensor ${quoted(name)} is of type ${type}, which networks do not need`);
  return Math.ceil((dims.reduce((count, extent) => count * extent, 1) * bits) / 8);
}

function externalBytes(
  { name }: StoredOnnxTensor,
  entries: ReadonlyMap<string, string>,
  bytes: number,
): ExternalBytes {
  const location = entries.get('location') ?? '';
  const number = (key: string, otherwise: number): number => {
    const text = entries.get(key);
    const value = text === undefined ? otherwise : /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value))
      throw new RangeError(`tensor ${quoted(name)} has the ${key} ${quoted(text ?? '')}`);
    return value;
  };
  const inFolder =
    location !== '' && !/^[/\\]|^[a-z]:|\0/i.test(location) && !location.split(/[/\\]/).includes('..');
  if (!inFolder)
    throw new RangeError(
      `tensor ${quoted(name)} lies in ${quoted(location)}: only files beside the model, or in folders there, are read`,
    );
  const length = number('length', bytes);
  if (length !== bytes)
    throw new RangeError(
      `tensor ${quoted(name)} has ${length} bytes in ${quoted(location)}; its shape needs ${bytes}`,
    );
  return { tensor: name, location, offset: number('offset', 0), length };
}

/** `node "conv1" (Conv)` */
function nodeName({ name, op, outputs }: OnnxNode): string {
  return `node ${quoted(name || (outputs[0] ?? ''))} (${op.slice(0, 50)})`;
}

/** A name from the file, escaped and cut. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
