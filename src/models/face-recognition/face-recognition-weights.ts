/** The weights of the face-recognition network as face-api's files have them. */
import { CheckpointError } from '../../checkpoint/checkpoint-error.ts';
import { formatShape, type HostTensor, hostTensor, sameShape } from '../../tensor/host-tensor.ts';
import { faceDescriptorSize, residualBlocks, stemKernel, stemKey } from './face-recognition.ts';

/**
 * One weight and one bias for each convolution: the files keep them apart from a gain and a shift that follow.
 * @param tensors of face-api's `face_recognition_model`: `conv32_1/conv1/conv/filters` [k, k, in, out] and so on
 * @param file what they are called in errors
 * @returns `conv32_1.conv1.weight` [out, in, k, k], `conv32_1.conv1.bias` [out], …, `fc` [256, 128]
 * @throws {CheckpointError} if one is missing or misshapen
 */
export function foldFaceRecognitionWeights(
  tensors: ReadonlyMap<string, HostTensor>,
  file: string,
): Map<string, HostTensor> {
  const take = (key: string, shape: readonly number[]): HostTensor => {
    const tensor = tensors.get(key);
    if (!tensor || !sameShape(tensor.shape, shape))
      throw new CheckpointError(
        `it is ${tensor ? formatShape(tensor.shape) : 'missing'}, the face-recognition network needs ` +
          `${formatShape(shape)}; take the face_recognition_model of @vladmandic/face-api`,
        { file, key },
      );
    return tensor;
  };
  const folded = new Map<string, HostTensor>();
  const fold = (key: string, kernel: number, from: number, to: number): void => {
    const filters = take(`${key}/conv/filters`, [kernel, kernel, from, to]).data;
    const [bias, gain, shift] = ['conv/bias', 'scale/weights', 'scale/biases'].map(
      (part) => take(`${key}/${part}`, [to]).data,
    ) as [Float32Array, Float32Array, Float32Array];
    const name = key.replaceAll('/', '.');
    const weight = hostTensor([to, from, kernel, kernel]);
    const taps = kernel * kernel;
    for (let o = 0; o < to; o++)
      for (let i = 0; i < from; i++)
        for (let tap = 0; tap < taps; tap++)
          weight.data[(o * from + i) * taps + tap] = filters[(tap * from + i) * to + o]! * gain[o]!;
    folded.set(`${name}.weight`, weight);
    folded.set(
      `${name}.bias`,
      hostTensor(
        [to],
        bias.map((b, o) => b * gain[o]! + shift[o]!),
      ),
    );
  };

  const stemWidth = 32;
  fold(stemKey, stemKernel, 3, stemWidth);
  let width = stemWidth;
  for (const block of residualBlocks) {
    fold(`${block.key}/conv1`, 3, width, block.width);
    fold(`${block.key}/conv2`, 3, block.width, block.width);
    width = block.width;
  }
  return folded.set('fc', take('fc', [width, faceDescriptorSize]));
}
