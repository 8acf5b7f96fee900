/** A restorer of any making from its ONNX file: takes the place of a loaded model. */
import type { OnnxModel } from '../../graph/onnx/emit-model.ts';
import { openExtent } from '../../graph/onnx/open-sides.ts';
import type { OnnxContents } from '../../graph/onnx/read-model.ts';
import { fixColor } from '../../image/color-fix.ts';
import { pixelsToTensor, tensorToPixels } from '../../image/pixel-tensor.ts';
import { resizePixels } from '../../image/resize.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { batchItem, type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { requireImageBatch } from '../restore-faces.ts';
import type { Restorer } from '../restorer.ts';
import type { RestorerConfig } from './restorer-config.ts';
import { choosePorts, type PicturePort } from './restorer-ports.ts';

/** A file that has been read and checked. */
export interface OnnxFile {
  /** For errors. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly contents: OnnxContents;
  /** Where its external data lies. */
  readonly folder?: string;
}

/**
 * Steps, seeds and noise are of no meaning to it: they are passed over. Colours are left as the network gives them
 * unless a colour fix is asked for.
 * @throws {RangeError} if the file cannot restore faces, or something must be told about it; Error if it cannot be loaded
 */
export async function createOnnxRestorer(
  runtime: Runtime,
  file: OnnxFile,
  config: RestorerConfig = {},
): Promise<Restorer> {
  const { input, output, further, fidelity } = namingFile(file.name, () =>
    choosePorts(file.contents, config),
  );
  const types = new Map([
    [input.name, input.type] as const,
    [output.name, output.type] as const,
    ...[...further].map(([name, { type }]) => [name, type] as const),
  ]);
  const model: OnnxModel = {
    name: file.name,
    bytes: file.bytes,
    inputs: new Map([
      [input.name, shapeOf(input)],
      ...[...further].map(([name, { tensor }]) => [name, tensor.shape] as const),
    ]),
    outputs: new Map([[output.name, [openExtent, openExtent, openExtent, openExtent]]]),
    locations: new Set(),
    types,
    ...(file.folder !== undefined && { folder: file.folder }),
  };
  const session = await runtime.createSession(model, { packWeights: true });
  const inputRange = config.range ?? usualRange(input);
  const outputRange = config.outputRange ?? (output.type === input.type ? inputRange : usualRange(output));
  const bgr = config.channels === 'bgr';
  const usual = fidelity === undefined ? undefined : further.get(fidelity)!.tensor.data[0];
  const constants = Object.fromEntries([...further].map(([name, { tensor }]) => [name, tensor]));

  const restoreOne = async (face: HostTensor, chosen: number | undefined): Promise<HostTensor> => {
    const shown = toSide(face, input.size);
    const feeds = {
      ...constants,
      ...(fidelity !== undefined &&
        chosen !== undefined && {
          [fidelity]: hostTensor(
            constants[fidelity]!.shape,
            constants[fidelity]!.data.map(() => chosen),
          ),
        }),
      [input.name]: toPort(shown, input, inputRange, bgr),
    };
    const results = await session.run(feeds);
    return fromPort(results[output.name]!, { output, range: outputRange, bgr, file: file.name });
  };

  return {
    imageSize: output.size,
    fidelity: usual,
    device: `${runtime.device}: ${runtime.reason}`,
    async restore(lq, { fidelity: chosen, colorFix = 'none', signal, onProgress } = {}) {
      requireImageBatch(lq, output.size);
      if (chosen !== undefined && fidelity === undefined)
        throw new RangeError(`Cannot restore by fidelity ${chosen}: ${file.name} has no input for it`);
      const batch = lq.shape[0]!;
      const restored = hostTensor(lq.shape);
      for (let i = 0; i < batch; i++) {
        signal?.throwIfAborted();
        onProgress?.({ stage: 'step', label: 'restoring the face', fraction: i / batch });
        const face = await restoreOne(batchItem(lq, i), chosen);
        batchItem(restored, i).data.set(face.data);
      }
      return fixColor(restored, lq, colorFix);
    },
    release: () => session.release(),
  };
}

function usualRange({ type }: PicturePort): readonly [number, number] {
  return type === 'uint8' ? [0, 255] : [-1, 1];
}

function shapeOf({ layout, size }: PicturePort): number[] {
  return layout === 'nchw' ? [1, 3, size, size] : [1, size, size, 3];
}

/** @returns [1, 3, size, size] */
function toSide(face: HostTensor, size: number): HostTensor {
  const side = face.shape[3]!;
  if (side === size) return face;
  const pixels = tensorToPixels(face);
  return pixelsToTensor(
    resizePixels(pixels, { width: size, height: size }, size < side ? 'area' : 'bilinear'),
  );
}

/** From [1, 3, size, size] in [-1, 1] to what the network takes. */
function toPort(
  face: HostTensor,
  port: PicturePort,
  range: readonly [number, number],
  bgr: boolean,
): HostTensor {
  const [low, high] = range;
  const result = hostTensor(shapeOf(port));
  eachValue(port, bgr, (of, at) => {
    result.data[at] = low + ((face.data[of]! + 1) / 2) * (high - low);
  });
  return result;
}

/** @returns [1, 3, size, size] in [-1, 1] */
function fromPort(
  { shape, data }: HostTensor,
  {
    output,
    range,
    bgr,
    file,
  }: { output: PicturePort; range: readonly [number, number]; bgr: boolean; file: string },
): HostTensor {
  const wanted = shapeOf(output);
  if (shape.length !== 4 || shape.some((extent, axis) => extent !== wanted[axis]))
    throw new RangeError(
      `Cannot restore by ${file}: its output ${output.name} is [${shape.join(', ')}], where [${wanted.join(', ')}] was due`,
    );
  const [low, high] = range;
  const face = hostTensor([1, 3, output.size, output.size]);
  eachValue(output, bgr, (of, at) => {
    face.data[of] = Math.min(Math.max((2 * (data[at]! - low)) / (high - low) - 1, -1), 1);
  });
  return face;
}

/** @param visit gets the place of a value in [3, size, size] of RGB, and in a port's own order */
function eachValue(
  { layout, size }: PicturePort,
  bgr: boolean,
  visit: (of: number, at: number) => void,
): void {
  const area = size * size;
  for (let c = 0; c < 3; c++) {
    const channel = bgr ? 2 - c : c;
    for (let i = 0; i < area; i++)
      visit(c * area + i, layout === 'nchw' ? channel * area + i : 3 * i + channel);
  }
}

function namingFile<Result>(name: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new RangeError(`Cannot restore by ${name}: ${(cause as Error).message}`, { cause });
  }
}
