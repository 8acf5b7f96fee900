/** Checkpoint files: reading by offset, writing as streams. */

export { type ByteSource, blobSource, checkByteRange, memorySource } from './byte-source.ts';
export { CheckpointError, type CheckpointErrorPlace, quoteName } from './checkpoint-error.ts';
export { encodeSafetensors, type SafetensorsInput, type TensorData } from './safetensors-writer.ts';
export { bytesPerElement, type TensorDtype, type TensorEntry, type TensorFile } from './tensor-entry.ts';
export { type OpenTensorFileOptions, openTensorFile, readTensor } from './tensor-file.ts';
export { encodeTorchArchive, type NamedTensor } from './torch-archive-writer.ts';
export { encodeStoredZip, type StoredZipEntry } from './zip-writer.ts';
