/** `interlcm download`: published weights, into a folder that `restore` takes. */

import { createInterface } from 'node:readline/promises';
import { command } from 'cleye';
import type { DownloadPlan } from '../platform/node/download/download-releases.ts';
import {
  matchesDigest,
  type Release,
  type ReleasedFile,
  type ReleasedPart,
} from '../platform/node/download/release.ts';
import { downloadFolder } from '../platform/node/download/released-files.ts';
import { rejectUnknownFlags, textFlag } from './terminal/flag-types.ts';
import { interruptSignal } from './terminal/interruption.ts';
import { Progress, type ProgressStream } from './terminal/progress.ts';
import { printableMessage } from './terminal/terminal-text.ts';
import { UsageError } from './terminal/usage-error.ts';

const details = `Files come from where their authors publish them, to the places in the folder where restore
looks for them; what is there already is not fetched again. A download that broke off, or was
interrupted, goes on where it ended. Sizes are checked, and SHA-256 digests where they are known.

HF_TOKEN is sent to the hub alone, for gated files. HF_ENDPOINT names a mirror of the hub, HTTPS_PROXY, HTTP_PROXY and NO_PROXY the way
to the network; HF_HUB_OFFLINE=1 is the same as --offline.`;

const flags = {
  output: {
    type: textFlag('--output', 'a folder'),
    alias: 'o',
    default: downloadFolder,
    placeholder: '<folder>',
    description: 'Folder of the checkpoint, made if needed',
  },
  list: { type: Boolean, description: 'Say what there is to download, and under which licence' },
  yes: { type: Boolean, alias: 'y', description: 'Accept the licences without being asked' },
  half: {
    type: Boolean,
    description: 'Weights in half precision where they are published: half the size',
  },
  mirror: {
    type: [textFlag('--mirror', 'a URL')],
    placeholder: '<url>',
    description: 'Address of a folder laid out like a checkpoint, tried first; may be given several times',
  },
  offline: { type: Boolean, description: 'Ask no server; say which files are missing' },
} as const;

export const downloadCommand = command(
  {
    name: 'download',
    parameters: ['[names...]'],
    flags,
    help: {
      description: 'Download published weights',
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: details } }]),
      examples: ['interlcm download --list', 'interlcm download interlcm-3step -o weights'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    await runDownloadCommand(parsed._.names, parsed.flags, {
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      signal: interruptSignal(),
      ask: process.stdin.isTTY ? ask : undefined,
    });
  },
);

interface DownloadFlags {
  readonly output: string;
  readonly list?: boolean;
  readonly yes?: boolean;
  readonly half?: boolean;
  readonly mirror: readonly string[];
  readonly offline?: boolean;
}

export interface DownloadEnvironment {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** puts a question to the user; absent where nobody sits in front */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<string>) | undefined;
}

/** @throws {UsageError} if a name is unknown or nobody accepts the licences */
export async function runDownloadCommand(
  names: readonly string[],
  flags: DownloadFlags,
  environment: DownloadEnvironment,
): Promise<void> {
  const { releases } = await import('../platform/node/download/released-files.ts');
  if (flags.list) {
    environment.stdout.write(formatList(releases));
    return;
  }
  const chosen = chooseReleases(names, releases);
  const mirrors = flags.mirror.map(checkedUrl);
  const { hasHalf, planDownload } = await import('../platform/node/download/download-releases.ts');
  const plan = await planDownload(chosen, flags.output, { half: flags.half ?? false });
  const say = (text: string): void => void environment.stderr.write(`${printableMessage(text)}\n`);
  for (const file of plan.present) say(`${file} is there already`);
  if (plan.missing.length === 0) {
    say(`Everything is in ${flags.output}`);
    return;
  }
  if (flags.offline || /^(1|true|yes|on)$/i.test(environment.env['HF_HUB_OFFLINE'] ?? ''))
    throw new Error(
      `Cannot download while offline: ${flags.output} lacks\n${listMissing(plan)}\n  Put them there by hand, or leave out --offline (and HF_HUB_OFFLINE)`,
    );
  say(formatLicences(plan.parts));
  const count = plan.missing.length === 1 ? '1 file' : `${plan.missing.length} files`;
  say(`${count}, about ${formatBytes(plan.remainingBytes)}, into ${flags.output}`);
  const full = flags.half ? plan.missing.filter(({ file }) => isWeights(file) && !hasHalf(file)) : [];
  if (full.length > 0)
    say(`Not published in half precision, so in full: ${full.map(({ file }) => file.path).join(', ')}`);
  await requireConsent(flags, environment);
  await fetchAll(plan, flags, mirrors, environment);
}

function isWeights({ path }: ReleasedFile): boolean {
  return !path.endsWith('.json');
}

function chooseReleases(names: readonly string[], releases: readonly Release[]): Release[] {
  const known = releases.map(({ name }) => name).join(', ');
  if (names.length === 0)
    throw new UsageError(`download needs the name of something to download: ${known}; see download --list`);
  return names.map((name) => {
    const release = releases.find((candidate) => candidate.name === name);
    if (!release) throw new UsageError(`There is no ${JSON.stringify(name)} to download; there are ${known}`);
    return release;
  });
}

function checkedUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new UsageError(
    `--mirror takes an address that begins with https:// or http://, not ${JSON.stringify(text)}`,
  );
}

async function requireConsent(flags: DownloadFlags, { ask, signal }: DownloadEnvironment): Promise<void> {
  if (flags.yes) return;
  if (!ask) throw new UsageError('Nothing is downloaded before the licences are accepted: add --yes');
  const answer = await ask('Accept these licences and download? [y/N] ', signal);
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new UsageError('Nothing was downloaded: the licences were not accepted');
}

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C reaches the process by itself only while nobody reads lines.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question(question, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}

async function fetchAll(
  plan: DownloadPlan,
  flags: DownloadFlags,
  mirrors: readonly string[],
  { stderr, env, signal }: DownloadEnvironment,
): Promise<void> {
  const [{ runDownload }, { createDispatcher }] = await Promise.all([
    import('../platform/node/download/download-releases.ts'),
    import('../platform/node/download/http-download.ts'),
  ]);
  const progress = new Progress(stderr, { total: plan.remainingBytes });
  const dispatcher = createDispatcher();
  const pace = new Pace();
  const done = new Map<string, number>();
  try {
    await runDownload(plan, {
      dispatcher,
      signal,
      mirrors,
      half: flags.half ?? false,
      hubUrl: env['HF_ENDPOINT'] || 'https://huggingface.co',
      hubToken: env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'],
      onNote: (note) => progress.line(`  ${note}`),
      onProgress: ({ file, fetchedBytes }, { phase, doneBytes, totalBytes }) => {
        if (phase === 'fetch') done.set(file.path, Math.max(doneBytes - fetchedBytes, 0));
        const sum = [...done.values()].reduce((a, b) => a + b, 0);
        const size = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes ?? file.aboutBytes)}`;
        const doing = phase === 'check' ? `checking ${size}` : `${size}, ${formatBytes(pace.rate(sum))}/s`;
        progress.update(sum, `${file.path}: ${doing}`);
      },
      onDone: (path, { bytes, checked, sha256 }, { likelySha256 }) => {
        const copies =
          likelySha256 !== undefined && checked !== 'sha256' && matchesDigest(sha256, likelySha256)
            ? '; copies elsewhere have the same'
            : '';
        progress.line(`${path}: ${formatBytes(bytes)}, ${checkedWords[checked]}${copies}`);
      },
    });
    progress.close();
    progress.line(`Everything is in ${flags.output}`);
  } catch (error) {
    progress.close();
    if (signal.aborted) progress.line('What was fetched is kept; the same command goes on from there');
    throw error;
  } finally {
    await dispatcher.destroy();
  }
}

const checkedWords = {
  sha256: 'SHA-256 as published',
  told: 'SHA-256 as the server that sent it says (none is known from elsewhere)',
  size: 'size as the server says (no SHA-256 is known)',
  whole: 'all there by its headers (neither size nor SHA-256 is known)',
} as const;

/** Bytes a second over the last few seconds. */
class Pace {
  readonly #marks: { atMs: number; bytes: number }[] = [];

  rate(bytes: number): number {
    const now = performance.now();
    if (now - (this.#marks.at(-1)?.atMs ?? 0) > 100) this.#marks.push({ atMs: now, bytes });
    while (this.#marks.length > 2 && now - this.#marks[0]!.atMs > 5000) this.#marks.shift();
    const first = this.#marks[0] ?? { atMs: now, bytes };
    return now > first.atMs ? (1000 * (bytes - first.bytes)) / (now - first.atMs) : 0;
  }
}

/** Which flag of `restore` uses a release. */
const uses: Readonly<Record<string, string>> = {
  'interlcm-1step': '--steps 2',
  colorization: '--color colorize',
  inpainting: '--inpaint',
  detector: '--detector',
  'detector-small': '--detector',
  parser: '--parser',
  'upscaler-2x': '--background',
  'upscaler-4x': '--background',
  gfpgan: '--restorer',
  codeformer: '--restorer',
  gpen: '--restorer',
  'restoreformer-pp': '--restorer',
};

function useOf(release: string): string {
  const use = uses[release];
  return use === undefined ? '' : ` (restore ${use})`;
}

function formatList(releases: readonly Release[]): string {
  return releases
    .map(({ name, description, parts, transformedBytes }) => {
      const bytes = parts.flatMap(({ files }) => files).reduce((sum, { aboutBytes }) => sum + aboutBytes, 0);
      const lines = parts.map(({ title, licence }) => `    ${title}: ${licence.name}, ${licence.terms}`);
      if (transformedBytes) {
        const onDisk = Object.entries(transformedBytes).map(
          ([memory, more]) => `${formatBytes(bytes + more)} (--memory ${memory})`,
        );
        lines.push(`    on disk, with the transformed weights that restore keeps: ${onDisk.join(', ')}`);
      }
      return `${name.padEnd(15)} ${formatBytes(bytes).padStart(7)}  ${description}${useOf(name)}\n${lines.join('\n')}\n`;
    })
    .join('');
}

function formatLicences(parts: readonly ReleasedPart[]): string {
  const lines = parts.map(
    ({ title, origin, licence }) =>
      `  ${title}, from ${origin}\n    ${licence.name}: ${licence.terms}\n    ${licence.url}`,
  );
  return `Licences:\n${lines.join('\n')}`;
}

function listMissing({ missing }: DownloadPlan): string {
  return missing.map(({ file }) => `  ${file.path}  (${file.sources.join(' or ')})`).join('\n');
}

/** `3.4 GB`, `599 MB`, `2 kB`. */
function formatBytes(bytes: number): string {
  if (bytes >= 999.5e6) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 999.5e3 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
