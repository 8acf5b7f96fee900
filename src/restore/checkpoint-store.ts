/** Where a checkpoint's files come from: a disk, a server, memory. */
import type { TensorFile } from '../checkpoint/tensor-entry.ts';

export interface OpenedTensors {
  readonly file: TensorFile;
  /** How the runtime names the file. */
  readonly location: string;
  /** Where it was found, if that is another place of the folder than was asked for. */
  readonly path?: string;
}

/** A folder of files, on a disk or a server. Paths use `/` and are relative to it; a store may also know absolute ones. */
export interface CheckpointStore {
  /** For errors. */
  readonly name: string;
  /** The parsed file, or undefined if there is none. @throws {CheckpointError} if it is not JSON */
  readJson(path: string): Promise<unknown>;
  /** The text of a file, or undefined if there is none. @throws {CheckpointError} if it is not text */
  readText(path: string): Promise<string | undefined>;
  /** The opened file, or undefined if there is none. */
  openTensors(path: string): Promise<OpenedTensors | undefined>;
}
