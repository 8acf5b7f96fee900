import type { MetricName } from '../metrics/metric-table.ts';

/** What was measured of one picture. */
export interface MeasuredPicture {
  readonly scores: Readonly<Partial<Record<MetricName, number>>>;
  /** For distances of whole sets. */
  readonly features?: PictureFeatures;
}

/** Features of a picture, and of its truth. */
export interface PictureFeatures {
  readonly own: Float32Array;
  readonly truth?: Float32Array;
}
