/** A table of a paper as data: which sets, which metrics, what the paper reports, and which rows can be measured. */
import { z } from 'zod';
import { type MetricName, metricNames } from '../metrics/metric-table.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and hyphens');

const setSchema = z.strictObject({
  name,
  label: z.string().min(1),
  /** How folders of the set are called, in any spelling. */
  folders: z.array(z.string().min(1)).min(1),
  /** Other pictures to try the table on, below the folder of data. */
  standIn: z.string().optional(),
  /** As many as the paper has, where that is known. */
  pictures: z.number().int().positive().optional(),
  metrics: z.array(z.enum(metricNames as [MetricName, ...MetricName[]])).min(1),
});

const rowSchema = z.strictObject({
  name,
  label: z.string().min(1),
  /** What fills the row here where no folder of results does: the low-quality pictures, or these restored. */
  measures: z.enum(['input', 'restored']).optional(),
  /** First step that is computed; the model's own unless given. */
  startStep: z.number().int().min(1).optional(),
  /** The paper's numbers by set, in the order of the set's metrics; null where it has none. */
  values: z.record(name, z.array(z.number().nullable())),
  /** The paper's seconds a picture. */
  seconds: z.number().positive().optional(),
});

const protocolSchema = z
  .strictObject({
    title: z.string().min(1),
    source: z.string().min(1),
    notes: z.array(z.string()),
    sets: z.array(setSchema).min(1),
    rows: z.array(rowSchema).min(1),
  })
  .superRefine(({ sets, rows }, context) => {
    const complain = (message: string): void => void context.addIssue({ code: 'custom', message });
    for (const [what, all] of [
      ['sets', sets],
      ['rows', rows],
    ] as const)
      if (new Set(all.map((one) => one.name)).size < all.length) complain(`two ${what} have one name`);
    for (const row of rows)
      for (const [set, values] of Object.entries(row.values)) {
        const wanted = sets.find((one) => one.name === set)?.metrics.length;
        if (wanted === undefined) complain(`row ${row.name} has values of ${set}, which is no set`);
        else if (values.length !== wanted)
          complain(`row ${row.name} has ${values.length} values of ${set}, which has ${wanted} metrics`);
      }
  });

export type Protocol = z.infer<typeof protocolSchema>;
export type ProtocolSet = Protocol['sets'][number];
export type ProtocolRow = Protocol['rows'][number];

/** @throws {SyntaxError} saying what is wrong with it */
export function parseProtocol(text: string, file: string): Protocol {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`${file} is no protocol of a table: ${(cause as Error).message}`, { cause });
  }
  const parsed = protocolSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.length > 0 ? `${issue!.path.join('.')}: ` : '';
  throw new SyntaxError(`${file} is no protocol of a table: ${where}${issue!.message}`, {
    cause: parsed.error,
  });
}

/** Names of sets and methods are one whatever their spelling: `LFW-Test`, `lfw_test`. */
export function sameName(a: string, b: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return plain(a) === plain(b);
}
