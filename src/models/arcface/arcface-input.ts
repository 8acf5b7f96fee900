import { type BytePixels, createPixels } from '../../image/pixels.ts';
import { resizePixels } from '../../image/resize.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { arcfaceSize } from './arcface.ts';

/**
 * Gray as OpenCV reads a colour PNG: (9797 R + 19234 G + 3737 B) / 2^15, cut. Of a JPEG OpenCV takes the stored luma
 * instead, which an image of RGB has lost: read that as gray.
 */
export function openCvGray({ width, height, channels, data }: BytePixels): BytePixels {
  const gray = createPixels(width, height, 1, new Uint8Array(width * height));
  for (let i = 0; i < gray.data.length; i++) {
    const at = i * channels;
    gray.data[i] =
      channels === 1 ? data[i]! : (9797 * data[at]! + 19234 * data[at + 1]! + 3737 * data[at + 2]!) >> 15;
  }
  return gray;
}

/** A gray face at the network's size, as OpenCV resizes it (bilinear in whole numbers, no antialiasing). */
export function arcfacePicture(gray: BytePixels): BytePixels {
  return resizePixels(gray, { width: arcfaceSize, height: arcfaceSize }, 'bilinear') as BytePixels;
}

/**
 * What the network takes of a whole aligned face, neither cropped nor flipped: (x - 127.5)/127.5.
 * @param gray one channel
 * @returns [1, 1, 128, 128]
 */
export function arcfaceInput(gray: BytePixels): HostTensor {
  const values = Float32Array.from(arcfacePicture(gray).data, (level) => (level - 127.5) / 127.5);
  return hostTensor([1, 1, arcfaceSize, arcfaceSize], values);
}
