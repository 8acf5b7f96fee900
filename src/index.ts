/**
 * Everything that runs in Node and in browsers alike. Loading a model from disk is in `interlcm/node`, from a server
 * in `interlcm/web`.
 */

// Checkpoint files
export {
  type ByteSource,
  blobSource,
  CheckpointError,
  encodeSafetensors,
  encodeTorchArchive,
  memorySource,
  type NamedTensor,
  openTensorFile,
  readTensor,
  type SafetensorsInput,
  type TensorDtype,
  type TensorEntry,
  type TensorFile,
} from './checkpoint/index.ts';
export { parseTfjsWeights } from './checkpoint/tfjs-weights.ts';
// The schedule and its noise
export {
  addNoise,
  alphasCumprod,
  denoise,
  lcmTimesteps,
  type SchedulerConfig,
  type StepScalings,
  stepScalings,
} from './diffusion/lcm-schedule.ts';
export { sampleByConsistency } from './diffusion/sample-consistency.ts';
export { sampleByEuler } from './diffusion/sample-euler.ts';
export type { Predict, SamplerOptions, SamplerStep } from './diffusion/sampler.ts';
// Faces in photos
export { annotateFaces } from './face/annotate-faces.ts';
export { anotherPersonFrom } from './face/another-person.ts';
export { createFaceDescriber, type FaceDescriber } from './face/face-describer.ts';
export type { DetectedFace, DetectOptions, FaceBox, FaceDetector } from './face/face-detector.ts';
export { type FaceSelection, type SelectedFace, selectFaces } from './face/select-faces.ts';
export { createSsdFaceDetector, type SsdFaceWeights } from './face/ssd-face-detector.ts';
export { type Failure, type FailureCode, failureOf } from './failure/failure.ts';
// Text to image
export {
  createGenerator,
  type GenerateOptions,
  type GenerationState,
  type Generator,
  type GeneratorOptions,
} from './generate/create-generator.ts';
export { type GeneratorCheckpoint, openGenerator } from './generate/generator-checkpoint.ts';
export type { GeneratorModel } from './generate/generator-models.ts';
export { type EncodedText, encodeTexts } from './generate/text-encoder.ts';
// Graphs, and what runs them
export { graphFlops } from './graph/cost.ts';
export { gradients, type Seed, vectorJacobianProduct } from './graph/gradient/gradient.ts';
export { checkModel as checkOnnxModel } from './graph/onnx/check-model.ts';
export {
  type BindParameter,
  emitModel,
  type OnnxModel,
  type ParameterBinding,
} from './graph/onnx/emit-model.ts';
export { type OnnxContents, readModel as readOnnxModel } from './graph/onnx/read-model.ts';
export * as ops from './graph/ops.ts';
export { useWinograd, type WinogradOptions } from './graph/passes/winograd.ts';
export type { Shape, Value } from './graph/value.ts';
export type { ColorFix } from './image/color-fix.ts';
// Pictures
export { fixColor } from './image/color-fix.ts';
export { type ContactSheetOptions, contactSheet } from './image/contact-sheet.ts';
export {
  type DegradationDraws,
  type DegradationPreset,
  type DegradationRanges,
  degradationPresets,
  degrade,
  drawDegradation,
  type JpegRoundTrip,
} from './image/degradation.ts';
export { pixelsToTensor, tensorToPixels } from './image/pixel-tensor.ts';
export type { BytePixels, Pixels } from './image/pixels.ts';
export { resizePixels, resizeTensor } from './image/resize.ts';
export {
  cutWindow,
  type PixelWindow,
  type SquareFace,
  toSquareFace,
} from './image/square-face.ts';
// Metrics
export {
  type FactoredStatistics,
  FeatureGatherer,
  type FeatureStatistics,
  featureStatistics,
  type SetStatistics,
} from './metrics/feature-statistics.ts';
export { frechetDistance } from './metrics/frechet.ts';
export { psnr } from './metrics/psnr.ts';
export { ssim } from './metrics/ssim.ts';
export { foldFaceRecognitionWeights } from './models/face-recognition/face-recognition-weights.ts';
export { RandomStream } from './random/random-stream.ts';
export { blobCheckpointStore, type WeightStore } from './restore/blob-checkpoint-store.ts';
// Restoring
export {
  type Checkpoint,
  type CheckpointOverrides,
  type NetworkCheckpoint,
  openCheckpoint,
} from './restore/checkpoint.ts';
export type { CheckpointStore, OpenedTensors } from './restore/checkpoint-store.ts';
export {
  createRestorer,
  type LoadedStages,
  loadStages,
  type RestorerOptions,
} from './restore/create-restorer.ts';
export { createOnnxRestorer, type OnnxFile } from './restore/onnx/create-onnx-restorer.ts';
export type { RestorerConfig } from './restore/onnx/restorer-config.ts';
export * from './restore/photo/index.ts';
export {
  buildRestorationGraphs,
  type ImageBatch,
  modelImageSize,
  type RestorationGraphs,
} from './restore/restoration-graphs.ts';
export {
  type RunStage,
  restoreFaces,
  type SampleOptions,
  type StageName,
} from './restore/restore-faces.ts';
export type { RestorationState, RestoreOptions, RestoreProgress, Restorer } from './restore/restorer.ts';
export type { MemoryMode } from './restore/stage-models.ts';
export {
  type DeviceName,
  NonFiniteError,
  type Runtime,
  type Session,
  type Tensors,
  withSession,
} from './runtime/runtime.ts';
export {
  batchItem,
  elementCount,
  type HostTensor,
  hostTensor,
  relativeError,
} from './tensor/host-tensor.ts';
export {
  buildForwardProgram,
  buildGradientProgram,
  type GradientProgram,
  type GradientProgramOptions,
  type ProgramPart,
  runGradientProgram,
} from './train/gradient-program.ts';
export { createOptimizer, type Optimizer, type OptimizerConfig } from './train/optimizer.ts';
// Training
export { parseTrainConfig, type TrainConfig } from './train/train-config.ts';
export { createTrainer, type Trainer, type TrainerOptions } from './train/trainer.ts';
export { createBatchMaker, type ImageSource } from './train/training-batch.ts';
export type { TrainingBatch, TrainingData, TrainingDataSettings } from './train/training-data.ts';
