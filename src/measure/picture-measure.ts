import type { BytePixels, Pixels } from '../image/pixels.ts';

/** A picture as metrics take it. */
export interface MetricPicture {
  readonly pixels: Pixels;
  /** As OpenCV reads the file as gray; of a JPEG that is its stored luma. */
  readonly gray: () => Promise<BytePixels>;
}

/** What measures pictures one by one: a score, or features that whole sets are compared by. */
export interface PictureMeasure {
  /** @param truth given where the metric needs it, of the picture's size */
  measure(picture: MetricPicture, truth: MetricPicture | undefined): Promise<number | Float32Array>;
  release(): Promise<void>;
}

/** A picture to measure; read when its turn comes. */
export interface SourcePicture {
  readonly name: string;
  /** Changes when the picture or its truth does. */
  readonly key: string;
  readonly read: () => Promise<{
    readonly picture: MetricPicture;
    /** Of the picture's size. */
    readonly truth?: MetricPicture;
    /** How large the truth is in its file, where it was resized. */
    readonly truthSize?: { readonly width: number; readonly height: number };
  }>;
}
