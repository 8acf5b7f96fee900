/** The encoders of Squoosh: without loss, but for JPEG. Each is loaded when it is first needed. */

import type { WritableFormat } from './picture-facts.ts';

type Encode = (image: ImageData) => Promise<Uint8Array | ArrayBuffer>;

/** One build of each: where ONNX Runtime runs there is SIMD; more threads would make AVIF's script three times as long. */
export const pictureEncoders: { readonly [F in WritableFormat]: () => Promise<Encode> } = {
  png: async () => (await import('@jsquash/png/encode.js')).default,
  jpeg: async () => {
    const { default: encode } = await import('@jsquash/jpeg/encode.js');
    // Full colour resolution.
    return (image) => encode(image, { quality: 95, auto_subsample: false, chroma_subsample: 1 });
  },
  webp: async () => {
    const [{ default: open }, { defaultOptions }] = await Promise.all([
      import('@jsquash/webp/codec/enc/webp_enc_simd.js'),
      import('@jsquash/webp/meta.js'),
    ]);
    const encoder = await open({ noInitialRun: true });
    // The colours under full transparency as they are.
    return async ({ data, width, height }) =>
      required(encoder.encode(data, width, height, { ...defaultOptions, lossless: 1, exact: 1 }));
  },
  avif: async () => {
    const [{ default: open }, { defaultOptions }] = await Promise.all([
      import('@jsquash/avif/codec/enc/avif_enc.js'),
      import('@jsquash/avif/meta.js'),
    ]);
    const encoder = await open({ noInitialRun: true });
    const lossless = { quality: 100, qualityAlpha: -1, subsample: 3, lossless: true };
    return async ({ data, width, height }) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return required(encoder.encode(bytes, width, height, { ...defaultOptions, ...lossless }));
    };
  },
};

function required(encoded: Uint8Array | null): Uint8Array {
  if (!encoded) throw new Error('the encoder gave nothing');
  return encoded;
}
