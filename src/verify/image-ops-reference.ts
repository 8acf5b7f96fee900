/** The JSON of an image-ops reference directory: what was put in, and the numbers that came out. */

import { z } from 'zod';
import type { AffineMatrix } from '../image/geometry.ts';

const point = z.tuple([z.number(), z.number()]);
const landmarks = z.array(point).length(5);
const row = z.tuple([z.number(), z.number(), z.number()]);
const matrix = z.tuple([row, row]).transform(([upper, lower]): AffineMatrix => [...upper, ...lower]);

export const imageOpsSchema = z.object({
  template_512: landmarks,
  landmarks: z.array(landmarks),
  /** From the photo to the face crop, for each set of landmarks. */
  affine: z.array(matrix),
  /** By scale: the inverse times the scale, for each face that is cropped and pasted. */
  inverse_affine: z.record(z.string().regex(/^\d+$/), z.array(matrix)),
  parse_labels: z.string(),
  degradations: z.array(
    z.object({
      sigma_x: z.number().positive(),
      sigma_y: z.number().positive(),
      theta: z.number(),
      kernel_size: z.number().int().positive(),
      downsample: z.number().positive(),
      jpeg_quality: z.number().int(),
    }),
  ),
  /** `psnr` or `ssim`, `_crop` and the border, `_y` and 1 for luma: of the input against each degraded image. */
  metrics: z.array(z.record(z.string().regex(/^(psnr|ssim)_crop\d+_y[01]$/), z.number())),
  fid: z.number(),
});
export type ImageOpsReference = z.infer<typeof imageOpsSchema>;

const LABELS =
  /^ellipse centre \((\d+),(\d+)\) radii \((\d+),(\d+)\) is class (\d+); class (\d+) above row (\d+) outside it; else (\d+)$/;

/**
 * The parsing map that the reference describes in words: one class in an ellipse, another above a row, else a
 * third.
 * @throws {SyntaxError} if the words are others
 */
export function parseLabelMap(description: string, width: number, height: number): Uint8Array {
  const numbers = LABELS.exec(description)?.slice(1).map(Number);
  if (!numbers)
    throw new SyntaxError(`Cannot draw the parsing map "${description}": its wording is not known`);
  const [centreX, centreY, radiusX, radiusY, inside, top, topRow, rest] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (((x - centreX) / radiusX) ** 2 + ((y - centreY) / radiusY) ** 2 <= 1) return inside;
    return y < topRow ? top : rest;
  });
}
