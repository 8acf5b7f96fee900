import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../src/platform/node/engine/node-runtime.ts';
import { verifyMetricsFile } from '../src/platform/node/measure/verify-metrics-files.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import type { VerifyRow } from '../src/verify/report.ts';

const sets = path.resolve(import.meta.dirname, '../../shared/reference/metrics');
const present = existsSync(sets);
/** Networks of the published sizes take minutes and gigabytes: `interlcm verify` has them. */
const names = present
  ? readdirSync(sets).filter((name) => name.endsWith('.json') && !name.startsWith('full-'))
  : [];

describe.skipIf(!present)('reference values of metrics', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createNodeRuntime({ device: 'cpu' });
  });

  it.each(names)('%s', { timeout: 60_000 }, async (name) => {
    const rows: VerifyRow[] = [];
    for await (const row of verifyMetricsFile(path.join(sets, name), runtime)) rows.push(row);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ passed }) => !passed)).toEqual([]);
  });
});
