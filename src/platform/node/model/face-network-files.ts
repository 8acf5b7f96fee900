/** Networks for whole photos, from the files they are released in. */

import type { FaceDetector } from '../../../face/face-detector.ts';
import { createFaceParser, type FaceParser } from '../../../face/face-parser.ts';
import { createRetinaFaceDetector } from '../../../face/retina-face-detector.ts';
import { createUpscaler, type Upscaler, type UpscalerOptions } from '../../../restore/upscaler.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { withStoredNetworks } from './stored-network-files.ts';

/**
 * RetinaFace from facexlib's `detection_Resnet50_Final.pth` or `detection_mobilenet0.25_Final.pth`. The file must not
 * change while the detector is used.
 * @throws {CheckpointError} if it cannot be read or is of another network
 */
export function loadRetinaFaceDetector(file: string, runtime: Runtime): Promise<FaceDetector> {
  return withStoredNetworks([file], ([weights]) => createRetinaFaceDetector(runtime, weights!));
}

/** ParseNet from facexlib's `parsing_parsenet.pth`. @throws as {@link loadRetinaFaceDetector} */
export function loadFaceParser(file: string, runtime: Runtime): Promise<FaceParser> {
  return withStoredNetworks([file], ([weights]) => createFaceParser(runtime, weights!));
}

/** RRDBNet from `RealESRGAN_x2plus.pth` or `RealESRGAN_x4plus.pth`. @throws as {@link loadRetinaFaceDetector} */
export function loadUpscaler(file: string, runtime: Runtime, options?: UpscalerOptions): Promise<Upscaler> {
  return withStoredNetworks([file], ([weights]) => createUpscaler(runtime, weights!, options));
}
