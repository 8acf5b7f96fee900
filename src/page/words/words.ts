/** Every word that the page shows. A language without one of them does not compile. */

import type { FailureCode, PhotoNote } from '../bridge/messages.ts';
import type { PhotoStage } from '../state/photo-item.ts';

export interface Words {
  /** of the document, as HTML names it */
  readonly language: string;
  readonly title: string;
  readonly tagline: string;
  readonly privacy: string;
  /** in place of it, where a service restores */
  readonly sent: (host: string) => string;
  readonly drop: {
    readonly title: string;
    readonly choose: string;
    readonly formats: string;
    readonly more: string;
    readonly steps: readonly { readonly title: string; readonly text: string }[];
    /** before the first photo, which brings the download */
    readonly download: (megabytes: number) => string;
    readonly downloaded: string;
  };
  readonly photos: {
    readonly label: string;
    readonly stage: { readonly [S in PhotoStage]: string };
    readonly remove: (name: string) => string;
    readonly faces: (restored: number, found: number) => string;
    readonly leftAlone: (found: number) => string;
    readonly select: (name: string, state: string) => string;
  };
  readonly work: {
    readonly photoOf: (photo: number, photos: number) => string;
    readonly finding: string;
    readonly restoring: (face: number, faces: number) => string;
    readonly restoringAligned: string;
    readonly downloading: (loaded: number, total: number) => string;
    readonly left: (seconds: number) => string;
    readonly cancel: string;
    readonly resume: string;
    readonly allDone: (photos: number, faces: number) => string;
    /** between two sentences */
    readonly between: string;
    readonly someFailed: (photos: number) => string;
    readonly label: string;
  };
  readonly stage: {
    readonly label: (name: string) => string;
    readonly original: string;
    readonly before: string;
    readonly after: string;
    readonly slider: string;
    readonly zoomIn: string;
    readonly zoomOut: string;
    readonly fit: string;
    readonly turn: string;
    readonly draw: string;
    readonly drawHint: string;
    readonly outlines: string;
    readonly tools: string;
    readonly keys: string;
    readonly nothing: string;
    readonly nothingHint: string;
    readonly aligned: string;
  };
  readonly face: {
    readonly name: (face: number) => string;
    readonly list: string;
    readonly restored: string;
    readonly sharp: string;
    readonly small: string;
    readonly leftOut: string;
    readonly waiting: string;
    readonly leaveOut: string;
    readonly takeIn: string;
    readonly identity: string;
    readonly identityHint: string;
    readonly before: (face: number) => string;
    readonly after: (face: number) => string;
  };
  readonly controls: {
    readonly label: string;
    readonly strength: string;
    readonly strengthHint: string;
    readonly percent: (share: number) => string;
    readonly fidelity: string;
    readonly fidelityHint: string;
    readonly leftAlone: string;
    readonly restoreAll: string;
    readonly another: string;
    readonly anotherHint: string;
    readonly save: string;
    readonly saveAll: string;
    readonly saving: string;
    readonly saved: string;
    readonly notes: { readonly [K in PhotoNote['kind']]: (note: Extract<PhotoNote, { kind: K }>) => string };
    readonly more: string;
  };
  readonly settings: {
    readonly title: string;
    readonly model: string;
    readonly embedded: string;
    readonly embeddedHint: string;
    readonly folder: string;
    readonly folderHint: string;
    readonly url: string;
    readonly urlHint: string;
    readonly service: string;
    readonly serviceHint: (host: string) => string;
    readonly serviceKey: string;
    readonly use: string;
    readonly largeModel: (gigabytes: string) => string;
    readonly incomplete: string;
  };
  readonly device: {
    readonly webgpu: string;
    readonly wasm: (threads: number) => string;
    readonly noAdapter: string;
    readonly wrongResults: string;
    readonly service: (host: string) => string;
    readonly notIsolated: string;
  };
  readonly failure: { readonly [C in FailureCode]: (detail: string) => string };
  readonly retry: string;
}
