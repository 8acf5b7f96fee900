/** A JPEG's luma as it is stored: what OpenCV reads as gray. */
import sharp from 'sharp';
import {
  joinJpegSegments,
  jpegMarker,
  jpegSegment,
  readJpegSegments,
} from '../../../image/file/jpeg-segments.ts';
import { type BytePixels, createPixels } from '../../../image/pixels.ts';

const app14 = 0xee;
/** Adobe's note, its last byte zero: the three components are no luma and chroma, but what they are. */
const untransformed = jpegSegment(app14, 'Adobe', Uint8Array.of(0, 100, 0, 0, 0, 0, 0));

/**
 * The luma of a colour JPEG, upright. Turning decoded colours gray again would differ by one in half the pixels: so the
 * decoder is told that there is nothing to transform, and the first component is taken.
 * @throws {Error} if the bytes are no JPEG, or damaged
 */
export async function decodeJpegLuma(bytes: Uint8Array): Promise<BytePixels> {
  const { segments } = readJpegSegments(bytes);
  // A JFIF note would count for more; profiles would be applied.
  const kept = segments.filter(
    ({ marker }) => ![jpegMarker.app0, jpegMarker.app2, app14].includes(marker as never),
  );
  const plain = joinJpegSegments([untransformed, ...kept]);
  try {
    const decoder = sharp(plain, { failOn: 'error' }).autoOrient().raw();
    const { data, info } = await decoder.toBuffer({ resolveWithObject: true });
    const luma = Uint8Array.from({ length: info.width * info.height }, (_, i) => data[i * info.channels]!);
    return createPixels(info.width, info.height, 1, luma);
  } catch (cause) {
    throw new Error(`Cannot decode a JPEG of ${bytes.length} bytes: ${(cause as Error).message}`, { cause });
  }
}
