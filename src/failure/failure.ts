/** What went wrong, for programs: errors keep their class and their words, and carry this beside them. */

/** Causes that whoever shows an error can give advice about, in words of its own. */
export type Failure =
  /** nothing is white where white was to say what is filled in */
  | { readonly code: 'nothing-painted'; readonly where: 'picture' | 'mask' }
  /** a face was chosen by its place among those found, and there are not so many */
  | { readonly code: 'no-such-face'; readonly index: number; readonly found: number }
  /** a network's result holds NaN or infinity */
  | { readonly code: 'not-finite' }
  | { readonly code: 'training-diverged'; readonly iteration: number }
  /** the device is not there, or cannot load a network */
  /** a run could not go on; what is said to be saved is in its folder. 0: nothing is */
  | {
      readonly code: 'training-stopped';
      readonly folder: string;
      readonly saved: number;
      readonly why: 'diverged' | 'out-of-memory' | 'other';
    }
  | { readonly code: 'device-unusable'; readonly device: string }
  | { readonly code: 'disk-full'; readonly keeping: 'weights' | 'download' }
  | { readonly code: 'no-checkpoint-folder'; readonly folder: string }
  /** the package's own model is not where it was installed */
  | { readonly code: 'no-embedded-model' }
  | { readonly code: 'no-identity-network' }
  /** a text was given, and the checkpoint has no text tower or no tokenizer */
  | { readonly code: 'no-text-encoder'; readonly model: 'lcm' | 'sd-turbo'; readonly folder: string }
  /** the checkpoint has no text-to-image model of this name */
  | { readonly code: 'no-generator'; readonly model: 'lcm' | 'sd-turbo'; readonly folder: string }
  /** what draws charts is not installed */
  | { readonly code: 'no-chart-library' }
  | { readonly code: 'no-picture-in-folder'; readonly recursive: boolean }
  /** a picture has more pixels, or its file more bytes, than are read; `canBeRaised` while the caller may allow more */
  | { readonly code: 'picture-too-large'; readonly canBeRaised: boolean }
  /** the format cannot hold so long a side; without one, nothing written may have so many pixels */
  | { readonly code: 'result-too-large'; readonly format?: string }
  /** a truth would have to be enlarged to be compared */
  | { readonly code: 'compared-size-too-large'; readonly size: number }
  /** a training run has nothing to start a network from, or to bind one that it does not train */
  | {
      readonly code: 'network-missing';
      readonly network: string;
      readonly use: 'start' | 'frozen' | 'teacher';
    }
  /** a spatial encoder was to be started from a UNet, and is not trained, or there is one already */
  | { readonly code: 'spatial-start-unused'; readonly found?: string }
  /** an optimiser's state that does not say what it is of */
  | { readonly code: 'state-without-layout' }
  | { readonly code: 'run-exists'; readonly folder: string };

export type FailureCode = Failure['code'];

/** @returns the error itself, with `failure` beside its message */
export function because<Kind extends Error>(
  error: Kind,
  failure: Failure,
): Kind & { readonly failure: Failure } {
  return Object.assign(error, { failure });
}

/** What an error, or the first that has it of those that caused it, says of itself by `because`. */
export function failureOf(error: unknown): Failure | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if ('failure' in at) return at.failure as Failure;
  return undefined;
}
