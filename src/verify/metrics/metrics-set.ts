/** A set of reference values of one metric or network: its JSON, its tensors, and rows that compare with them. */
import { z } from 'zod';
import { type BytePixels, createPixels } from '../../image/pixels.ts';
import { elementCount, type HostTensor, relativeError } from '../../tensor/host-tensor.ts';
import { type VerifyRow, verifyRow } from '../report.ts';
import type { ReadTensor } from '../restoration.ts';

const tensorSchema = z.object({
  shape: z.array(z.number().int().nonnegative()),
  kind: z.enum(['input', 'expected']),
  /** The file holds every n-th value; all of them unless given. */
  sample_step: z.number().int().positive().default(1),
  /** Relative; where there is none, the values are whole numbers and must be equal. */
  tol: z.number().positive().optional(),
});
const valueSchema = z.looseObject({ value: z.number(), tol: z.number().positive().optional() });

export const metricsSetSchema = z.looseObject({
  set: z.string(),
  spec: z.record(z.string(), z.unknown()),
  tensors: z.record(z.string(), tensorSchema).default({}),
  values: z.record(z.string(), valueSchema).default({}),
  /** By namespace and key: shape, offset, scale. */
  weights: z
    .record(z.string(), z.record(z.string(), z.tuple([z.array(z.number()), z.number(), z.number()])))
    .optional(),
  /** The same where most weights follow the rule of their name and shape. */
  weights_summary: z
    .record(
      z.string(),
      z.object({
        tensors: z.number(),
        elements: z.number(),
        departures: z.record(z.string(), z.tuple([z.array(z.number()), z.number(), z.number()])),
      }),
    )
    .optional(),
  /** First values of some weights, by full name. */
  weights_check: z.record(z.string(), z.array(z.number())).default({}),
});
export type MetricsSetJson = z.infer<typeof metricsSetSchema>;

/** Inputs that are made by a rule: functions such as the logarithm may round the other way. */
const inputTolerance = 1e-6;

/** How errors of a value are taken: relative to it, but to no less than `floor`; or as they are. */
type ValueError = { readonly relativeTo: number } | 'absolute';

export class MetricsSet {
  readonly json: MetricsSetJson;
  readonly #read: ReadTensor;
  /** What has been compared. */
  readonly #seen = new Set<string>();

  constructor(json: MetricsSetJson, read: ReadTensor) {
    this.json = json;
    this.#read = read;
  }

  /** The options of the set, checked. */
  spec<Spec>(schema: z.ZodType<Spec>): Spec {
    return schema.parse(this.json.spec);
  }

  /** Numbers 0, 1, … for which there is a tensor of the name that `nameOf` gives. */
  indices(nameOf: (i: number) => string): number[] {
    const found: number[] = [];
    while (nameOf(found.length) in this.json.tensors) found.push(found.length);
    return found;
  }

  has(tensor: string): boolean {
    return tensor in this.json.tensors;
  }

  /** A whole stored tensor. @throws {RangeError} if there is none of that name */
  async tensor(name: string): Promise<HostTensor> {
    const tensor = await this.#read(name);
    if (!tensor) throw new RangeError(`Cannot verify: the reference has no tensor ${name}`);
    return tensor;
  }

  /** A stored picture, [H, W, 3] or gray [H, W]. */
  async picture(name: string): Promise<BytePixels> {
    const { shape, data } = await this.tensor(name);
    const [height = 0, width = 0, channels = 1] = shape;
    return createPixels(width, height, channels === 1 ? 1 : 3, Uint8Array.from(data));
  }

  /** Compares all values of an expected tensor, or of an input that was made by its rule; undefined fails as not computed. */
  async compare(name: string, actual: ArrayLike<number> | undefined): Promise<VerifyRow> {
    this.#seen.add(name);
    const {
      shape,
      kind: role,
      sample_step: step,
      tol = role === 'input' ? inputTolerance : undefined,
    } = this.json.tensors[name] ?? {};
    const expected = (await this.tensor(name)).data;
    const kind = tol === undefined ? 'absolute error' : 'relative error';
    const limit = tol ?? 0;
    if (!actual || !shape || actual.length !== elementCount(shape))
      return verifyRow(name, Number.NaN, limit, kind);
    const samples = Float32Array.from(expected, (_, i) => actual[i * step!]!);
    return verifyRow(
      name,
      tol === undefined ? largestError(samples, expected) : relativeError(samples, expected),
      limit,
      kind,
    );
  }

  /**
   * Compares a number, and numbers that stand beside it under their own names, all at its tolerance.
   * @param beside by the name in the JSON; lists are compared number by number
   */
  *value(
    name: string,
    actual: number,
    {
      error = { relativeTo: 1e-2 },
      beside = {},
    }: { error?: ValueError; beside?: Readonly<Record<string, number | readonly number[]>> } = {},
  ): Generator<VerifyRow> {
    this.#seen.add(name);
    const entry = this.json.values[name];
    const limit = entry?.tol ?? 0;
    const row = (label: string, measured: number, expected: unknown): VerifyRow => {
      const difference = typeof expected === 'number' ? Math.abs(measured - expected) : Number.NaN;
      if (error === 'absolute' || entry?.tol === undefined)
        return verifyRow(label, difference, limit, 'absolute error');
      const scale = Math.max(Math.abs(Number(expected)), error.relativeTo);
      return verifyRow(label, difference / scale, limit, 'relative error');
    };
    yield row(name, actual, entry?.value);
    for (const [key, measured] of Object.entries(beside)) {
      const expected = entry?.[key];
      if (expected === undefined) continue;
      if (typeof measured === 'number') yield row(`${name} ${key}`, measured, expected);
      else
        for (const [i, part] of measured.entries())
          yield row(`${name} ${key}.${i}`, part, (expected as unknown[])[i]);
    }
  }

  /** What is expected with a tolerance and was not compared. */
  *missed(): Generator<VerifyRow> {
    const tensors = Object.entries(this.json.tensors).filter(([, { kind }]) => kind === 'expected');
    const values = Object.entries(this.json.values).filter(([, { tol }]) => tol !== undefined);
    for (const [name, { tol = 0 }] of [...tensors, ...values])
      if (!this.#seen.has(name)) yield verifyRow(`${name} (not computed)`, Number.NaN, tol, 'absolute error');
  }
}

function largestError(actual: Float32Array, expected: Float32Array): number {
  return actual.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]!)), 0);
}
