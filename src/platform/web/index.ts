/** In a browser: models loaded from a server or from chosen files, run by WebAssembly or WebGPU. */

export * from '../../restore/photo/index.ts';
export { type DownloadProgress, type WebCheckpointOptions, webCheckpointStore } from './checkpoint-store.ts';
export { decodeFace, encodePng, type FaceImage } from './image.ts';
export { type LoadWebRestorerOptions, loadRestorer } from './load-restorer.ts';
export { createWebRuntime, type WebDeviceChoice, type WebRuntimeOptions } from './web-runtime.ts';
