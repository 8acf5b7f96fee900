/** What the page and its worker tell each other. */

/** The checkpoint to restore with: a folder on a server, files of a chosen folder, or random demo weights. */
export type CheckpointChoice =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'folder'; readonly files: readonly File[] }
  | { readonly kind: 'demo' };

export type ToWorker =
  | {
      readonly kind: 'restore';
      readonly picture: Blob;
      readonly checkpoint: CheckpointChoice;
      readonly seed: number;
    }
  | { readonly kind: 'cancel' };

export type FromWorker =
  | { readonly kind: 'progress'; readonly label: string; readonly fraction: number }
  /** `input` is what the model saw. */
  | {
      readonly kind: 'restored';
      readonly input: Blob;
      readonly output: Blob;
      readonly device: string;
      readonly seconds: number;
    }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly message: string };
