/** What a request may ask of a restoration: the same options as on the command line, as text of a query or a form. */

import { z } from '@hono/zod-openapi';

const number = (least: number, most: number) =>
  z
    .string()
    .regex(/^-?(\d+\.?\d*|\.\d+)$/, 'is not a number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`);
const whole = (least: number, most: number) =>
  number(least, most).refine(Number.isInteger, 'must be a whole number');
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const faces = z
  .string()
  .regex(/^\d{1,6}(,\d{1,6}){0,99}$/, 'must be numbers of faces, such as 0,2')
  .transform((text) => text.split(',').map(Number));
const box = z
  .string()
  .regex(
    /^-?[\d.]{1,9}(,-?[\d.]{1,9}){3}(;-?[\d.]{1,9}(,-?[\d.]{1,9}){3}){0,99}$/,
    'must be x,y,width,height in pixels, several separated by ;',
  )
  .transform((text) => text.split(';').map((part) => part.split(',').map(Number)))
  .refine((boxes) => boxes.flat().every(Number.isFinite), 'must be numbers')
  .transform((boxes) =>
    boxes.map(([x, y, width, height]) => ({ x: x!, y: y!, width: width!, height: height! })),
  )
  .refine((boxes) => boxes.every(({ width, height }) => width >= 1 && height >= 1), 'is empty');

export const restorationOptionsSchema = z
  .strictObject({
    strength: number(0, 1).describe('0 leaves a face as it is, 1 replaces it'),
    upscale: z
      .enum(['1', '2', '4'])
      .transform(Number)
      .describe('sides of the result over those of the photo'),
    color: z.enum(['auto', 'keep', 'gray']).describe('auto: gray photos stay gray'),
    colorFix: z.enum(['wavelet', 'adain', 'none']).describe("how a face gets the input's colours"),
    seed: whole(0, 4_294_967_295).describe('another seed, another face'),
    steps: whole(1, 1000).describe('steps of the schedule; as the model is best unless given'),
    startStep: whole(1, 1000).describe('the step to start from, up to steps'),
    fidelity: number(0, 1).describe(
      "from the model's face to the photo's, for models whose decoder sees the photo",
    ),
    faces: faces.describe('which faces, by their numbers from the largest: 0,2'),
    box: box.describe('faces drawn by hand: x,y,width,height in pixels, several separated by ;'),
    minSize: whole(8, 100_000).describe('longer side of the smallest face to find, in pixels'),
    minScore: number(0, 1).describe('least score of a face'),
    aligned: flag.describe('the picture is one aligned face: nothing is looked for'),
    force: flag.describe('also restore faces that are sharp already'),
    format: z
      .enum(['input', 'png', 'jpeg', 'webp', 'avif', 'tiff'])
      .describe("of the result; the input's unless given"),
    metadata: z.enum(['keep', 'strip']).describe('EXIF and XMP of the photo'),
  })
  .partial()
  .refine(({ aligned, faces: chosen, box: boxes }) => !aligned || (!chosen && !boxes), {
    path: ['aligned'],
    message: 'takes the picture as one face: leave out faces and box',
  })
  .refine(({ aligned, upscale = 1 }) => !aligned || upscale === 1, {
    path: ['upscale'],
    message: 'does not go with aligned, whose result has the size that the model makes',
  });
export type RestorationOptions = z.output<typeof restorationOptionsSchema>;
