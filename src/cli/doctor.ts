/** `interlcm doctor`: what works on this machine, and what to do about the rest. */

import { spawn } from 'node:child_process';
import { command } from 'cleye';
import type { DeviceTrial, DoctorOptions, DoctorRow } from '../platform/node/measure/doctor.ts';
import { doctorAdvice } from './terminal/doctor-advice.ts';
import { rejectUnknownFlags } from './terminal/flag-types.ts';
import { packageInfo } from './terminal/package-info.ts';
import { printable } from './terminal/terminal-text.ts';

const flags = {
  json: { type: Boolean, description: 'Write the rows as one JSON document to standard output' },
} as const;

export const doctorCommand = command(
  {
    name: 'doctor',
    parameters: ['[folders...]'],
    flags,
    help: {
      description:
        'Look at versions, devices, memory, disk, weights and tools, and verify a small restoration. Exits with 1 if something that is needed is broken',
      examples: ['interlcm doctor', 'interlcm doctor weights --json'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { version, engines } = packageInfo();
    const named = parsed._.folders.length > 0;
    process.exitCode = await runDoctor(
      {
        version,
        nodeRange: engines.node,
        folders: named ? parsed._.folders : ['weights'],
        foldersNamed: named,
        tryDevice,
      },
      { json: parsed.flags.json ?? false, stdout: process.stdout },
    );
  },
);

/** A row in words. */
export interface AdvisedRow extends Omit<DoctorRow, 'remedy'> {
  readonly advice?: string;
}

/** @returns the exit code: 0 if nothing that is needed is broken, else 1 */
export async function runDoctor(
  options: DoctorOptions,
  { json, stdout }: { json: boolean; stdout: { write(text: string): unknown } },
): Promise<number> {
  const { examine } = await import('../platform/node/measure/doctor.ts');
  const rows: AdvisedRow[] = [];
  for await (const { remedy, ...found } of examine(options)) {
    const row = remedy ? { ...found, advice: doctorAdvice(remedy) } : found;
    rows.push(row);
    if (!json) stdout.write(formatRow(row));
  }
  const failed = rows.filter(({ status }) => status === 'failed').length;
  if (json) stdout.write(`${JSON.stringify({ failed, rows }, null, 2)}\n`);
  else stdout.write(failed === 0 ? 'Nothing that is needed is broken\n' : `${failed} broken\n`);
  return failed === 0 ? 0 : 1;
}

const marks = { ok: 'ok  ', note: 'note', failed: 'FAIL' } as const;

function formatRow({ name, status, found, advice }: AdvisedRow): string {
  const line = `${marks[status]} ${name.padEnd(16)} ${found.replaceAll('\n', ' ')}`;
  const lines = advice === undefined ? [line] : [line, `${' '.repeat(22)}→ ${advice}`];
  return lines.map((text) => `${printable(text)}\n`).join('');
}

const trialTimeoutMs = 120_000;

/** `interlcm verify MODEL --device DEVICE` as a process of its own. */
async function tryDevice(device: string, model: string): Promise<DeviceTrial> {
  const args = [process.argv[1]!, 'verify', model, '--device', device, '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: trialTimeoutMs });
  const [stdout, stderr, ending] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
    }),
  ]);
  try {
    const { failed, rows } = JSON.parse(stdout) as { failed: number; rows: unknown[] };
    return { passed: rows.length - failed, total: rows.length };
  } catch {
    const [, message] = /^interlcm: (.*)$/m.exec(stderr) ?? [];
    return { passed: 0, total: 0, error: message ?? `the process ended (${ending})` };
  }
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}
