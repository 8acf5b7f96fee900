import type { Pixels } from '../image/pixels.ts';

/** Describes a picture by a vector. */
export interface FeatureNetwork {
  readonly name: string;
  /**
   * @param picture RGB; for networks of faces an aligned face, square, of any size
   * @returns as many numbers for every picture
   */
  describe(picture: Pixels): Promise<Float32Array>;
  release(): Promise<void>;
}

/** `faceres`: the network that judges identity. `face-api`: the one that training may use. */
export const featureNetworks = ['faceres', 'face-api', 'vgg16'] as const;

export type FeatureNetworkChoice =
  | { readonly name: 'faceres' | 'face-api' }
  /** `vgg`: torchvision's VGG16. */
  | { readonly name: 'vgg16'; readonly vgg: string };

/** What a network describes pictures by, one vector a picture. */
export interface PictureFeatures {
  /** The network's name. */
  readonly network: string;
  readonly truth: readonly Float32Array[];
  readonly restored: readonly Float32Array[];
  /** Empty where there are no low-quality pictures. */
  readonly input: readonly Float32Array[];
}
