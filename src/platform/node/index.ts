/** In Node: models loaded from disk and run natively, picture files, verification. */

export * from '../../restore/photo/index.ts';
export { createNodeRuntime, type NodeRuntimeOptions } from './engine/node-runtime.ts';
export { type VerifyOptions, verifyFiles } from './measure/verify-files.ts';
export { openCheckpointFolder } from './model/checkpoint-store.ts';
export { loadFaceParser, loadRetinaFaceDetector, loadUpscaler } from './model/face-network-files.ts';
export { loadAutoencoder } from './model/load-autoencoder.ts';
export { loadFaceDescriber } from './model/load-face-describer.ts';
export { loadFaceDetector } from './model/load-face-detector.ts';
export { type LoadedGenerator, type LoadGeneratorOptions, loadGenerator } from './model/load-generator.ts';
export { type LoadRestorerOptions, loadRestorer } from './model/load-restorer.ts';
export { packCheckpoint } from './model/pack-checkpoint.ts';
export { embeddedModel } from './model/packaged-models.ts';
export { loadPerceptualNetwork } from './model/perceptual-files.ts';
export { openTextContext, type TextCondition, type TextContextOptions } from './model/text-context.ts';
export { encodeImage, type ImageExtras, listLostIn } from './picture/encode-image.ts';
export {
  decodeImage,
  type ImageFile,
  type ImageMetadata,
  type ReadLimits,
  readImageFile,
} from './picture/image-file.ts';
export { type ImageFormat, imageFormats } from './picture/image-format.ts';
export { type OpenTrainingDataOptions, openTrainingData } from './train/open-training-data.ts';
export type { RunSettings } from './train/run-settings.ts';
export { openTrainLog, type TrainLog } from './train/train-log.ts';
export { resumeRun, startRun, type TrainOptions } from './train/train-run.ts';
export type { TrainingSource } from './train/training-files.ts';
export { restoreVideo } from './video/restore-video.ts';
export { probeVideo, type VideoInfo } from './video/video-probe.ts';
export type { VideoReport, VideoRequest } from './video/video-request.ts';
