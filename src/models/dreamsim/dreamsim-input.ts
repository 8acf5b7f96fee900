import { type BytePixels, createPixels } from '../../image/pixels.ts';
import { resizePillowBicubic } from '../../image/resize-pillow.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { dreamsimSize } from './dreamsim.ts';

/**
 * What DreamSim takes of a picture: resized to a square whatever its shape, bicubically with antialiasing, in [0, 1].
 * @param picture gray is repeated to three channels, alpha left out
 * @returns [1, 3, size, size]
 */
export function dreamsimInput(picture: BytePixels, size = dreamsimSize): HostTensor {
  const { data } = resizePillowBicubic(threeChannels(picture), { width: size, height: size });
  const area = size * size;
  const planes = Float32Array.from(data, (_, i) => data[(i % area) * 3 + Math.floor(i / area)]! / 255);
  return hostTensor([1, 3, size, size], planes);
}

function threeChannels({ width, height, channels, data }: BytePixels): BytePixels {
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const first = Math.floor(i / 3) * channels;
    return data[channels === 1 ? first : first + (i % 3)]!;
  });
  return createPixels(width, height, 3, rgb);
}
