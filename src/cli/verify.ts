/** `interlcm verify`: does this machine, with these files, compute what the published code computes? */
import { command } from 'cleye';
import type { VerifyRow } from '../verify/report.ts';
import { rejectUnknownFlags } from './terminal/flag-types.ts';
import { modelFlags } from './terminal/model-flags.ts';
import { printable } from './terminal/terminal-text.ts';
import { UsageError } from './terminal/usage-error.ts';

const flags = {
  ...modelFlags,
  gradients: {
    type: Boolean,
    description: 'Compare the losses, gradients and a step of a training iteration instead',
  },
  json: { type: Boolean, description: 'Write the rows as one JSON document to standard output' },
} as const;

export const verifyCommand = command(
  {
    name: 'verify',
    parameters: ['[target]'],
    flags,
    help: {
      description:
        "Compare a restoration, tensor by tensor, or image operations with reference values: a reference directory, or a formula's .json. Exits with 1 if one is off",
      examples: ['interlcm verify reference/tiny-4step', 'interlcm verify micro.json --device webgpu'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { target } = parsed._;
    if (target === undefined)
      throw new UsageError('verify needs a reference directory or a .json file; see verify --help');
    const { device, threads, memory, gradients, json } = parsed.flags;
    const [{ createNodeRuntime }, { verifyFiles, verifyGradientFiles }] = await Promise.all([
      import('../platform/node/engine/node-runtime.ts'),
      import('../platform/node/measure/verify-files.ts'),
    ]);
    const runtime = await createNodeRuntime({ device, threads });
    const say = (message: string): void => void process.stderr.write(`${printable(message)}\n`);
    say(`device ${runtime.device} (${runtime.reason})`);
    const rows: VerifyRow[] = [];
    const verification = gradients
      ? verifyGradientFiles(target, runtime)
      : verifyFiles(target, runtime, { memory, onProgress: say });
    for await (const row of verification) {
      rows.push(row);
      if (!json) process.stdout.write(`${printable(formatRow(row))}\n`);
    }
    const failed = rows.filter((row) => !row.passed).length;
    if (json)
      process.stdout.write(`${JSON.stringify({ target, device: runtime.device, failed, rows }, null, 2)}\n`);
    else process.stdout.write(`${rows.length - failed} of ${rows.length} within tolerance\n`);
    if (rows.length === 0) throw new Error(`Cannot verify ${target}: it expects no tensors`);
    process.exitCode = failed === 0 ? 0 : 1;
  },
);

function formatRow({ name, measured, limit, kind, passed }: VerifyRow): string {
  const number = kind === 'PSNR dB' ? (x: number) => x.toFixed(2) : (x: number) => x.toExponential(2);
  return `${passed ? 'ok  ' : 'FAIL'} ${name.padEnd(24)} ${kind} ${number(measured)} (limit ${number(limit)})`;
}
