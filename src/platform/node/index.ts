/** In Node: models loaded from disk and run natively, picture files, verification. */

export { openCheckpointFolder } from './checkpoint-store.ts';
export { embeddedModel } from './embedded-model.ts';
export { openFaceParser, openRetinaFaceDetector, openUpscaler } from './face-network-files.ts';
export {
  decodeImage,
  encodeImage,
  type ImageExtras,
  type ImageFile,
  type ImageFormat,
  type ImageMetadata,
  imageFormats,
  listLostIn,
  type ReadLimits,
  readImageFile,
} from './image-file.ts';
export { loadAutoencoder } from './load-autoencoder.ts';
export { loadFaceDescriber } from './load-face-describer.ts';
export { loadFaceDetector } from './load-face-detector.ts';
export { type LoadRestorerOptions, loadRestorer } from './load-restorer.ts';
export { createNodeRuntime, type NodeRuntimeOptions } from './node-runtime.ts';
export { packCheckpoint } from './pack-checkpoint.ts';
export { openPerceptualNetwork } from './perceptual-files.ts';
export { restoreVideo, type VideoReport, type VideoRequest } from './restore-video.ts';
export type { RunSettings } from './run-settings.ts';
export { openTrainLog, type TrainLog } from './train-log.ts';
export { resumeRun, startRun, type TrainOptions } from './train-run.ts';
export { type OpenTrainingDataOptions, openTrainingData } from './training-data.ts';
export type { TrainingSource } from './training-files.ts';
export { type VerifyOptions, verifyFiles } from './verify-files.ts';
export { probeVideo, type VideoInfo } from './video-probe.ts';
