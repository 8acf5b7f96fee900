/** What must be known of a restorer's ONNX file beside the file: how it takes pictures, and gives them. */
import { z } from 'zod';
import { fileLimits } from '../../tensor/file-limits.ts';

const name = z.string().min(1).max(200);
const range = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, 'two numbers, the smaller one first');

export const restorerConfigSchema = z.strictObject({
  /** What it is called in tables; the file's name unless given. */
  name: name.optional(),
  /** Side of the pictures it takes, where the file leaves it open. */
  size: z.number().int().min(16).max(fileLimits.network.side).optional(),
  /** The input that takes the picture, where it is not plain which. */
  input: name.optional(),
  /** [N, 3, H, W], or [N, H, W, 3]; told from the shape where it can be. */
  layout: z.enum(['nchw', 'nhwc']).optional(),
  channels: z.enum(['rgb', 'bgr']).optional(),
  /** What black and white are: -1 and 1 unless given, 0 and 255 of bytes. */
  range: range.optional(),
  /** Values of further inputs; one number for all of an input's, or as many as it has. */
  inputs: z.record(name, z.union([z.number(), z.array(z.number()).min(1).max(10_000)])).optional(),
  /** The further input that says how far results follow the photo, 0 to 1. */
  fidelity: name.optional(),
  /** The output that gives the picture; the first unless given. */
  output: name.optional(),
  /** That of the input unless given. */
  outputRange: range.optional(),
});

export type RestorerConfig = z.infer<typeof restorerConfigSchema>;

/** @throws {SyntaxError} naming what is wrong, and where */
export function parseRestorerConfig(value: unknown, from: string): RestorerConfig {
  const parsed = restorerConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.length > 0 ? `${issue!.path.join('.')}: ` : '';
  throw new SyntaxError(`${from} does not describe a restorer: ${where}${issue!.message}`, {
    cause: parsed.error,
  });
}
