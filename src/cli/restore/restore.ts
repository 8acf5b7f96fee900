/** `interlcm restore`: photos in, photos with restored faces out. */

import { command } from 'cleye';
import type { Runtime } from '../../runtime/runtime.ts';
import { rejectUnknownFlags } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { splitFaceIndices } from './face-indices.ts';
import type { RestoreEnvironment } from './restore-files.ts';
import { type RestoreFlags, restoreDetails, restoreFlags } from './restore-flags.ts';
import { isVideo, readRestoreSettings } from './restore-settings.ts';

export const restoreCommand = command(
  {
    name: 'restore',
    parameters: ['[pictures...]'],
    flags: restoreFlags,
    help: {
      description: 'Restore the faces in photos',
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: restoreDetails } }]),
      examples: [
        'interlcm restore grandma.jpg',
        'interlcm restore album/ -o restored --recursive --checkpoint weights',
        'interlcm restore photo.jpg --face 0 2 --strength 0.8 --upscale 2',
        'interlcm restore gray.jpg --color colorize',
        'interlcm restore torn.jpg --mask white.png',
        'interlcm restore clip.mp4 -o restored.mp4',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(restoreFlags));
    const { pictures, face } = await splitFaceIndices(parsed._.pictures, parsed.flags.face);
    const given = { ...parsed.flags, face };
    process.exitCode = await runRestore(pictures, given, {
      loadRestorer: async (checkpoint, options) => {
        const { loadRestorer } = await import('../../platform/node/model/load-restorer.ts');
        return loadRestorer(checkpoint, options);
      },
      loadDetector: async (file) => {
        const { loadFaceDetector } = await import('../../platform/node/model/load-face-detector.ts');
        return loadFaceDetector({ threads: parsed.flags.threads, file });
      },
      loadDescriber: async (size) => {
        const { loadFaceDescriber } = await import('../../platform/node/model/load-face-describer.ts');
        return loadFaceDescriber(size);
      },
      loadParser: async (file) => {
        const { openFaceParser } = await import('../../platform/node/model/face-network-files.ts');
        return openFaceParser(file, await runtimeOf(parsed.flags));
      },
      loadUpscaler: async (file) => {
        const { openUpscaler } = await import('../../platform/node/model/face-network-files.ts');
        return openUpscaler(file, await runtimeOf(parsed.flags));
      },
      stdout: process.stdout,
      stderr: process.stderr,
      signal: interruptSignal(),
    });
  },
);

async function runtimeOf({ device, threads }: Pick<RestoreFlags, 'device' | 'threads'>): Promise<Runtime> {
  const { createNodeRuntime } = await import('../../platform/node/engine/node-runtime.ts');
  return createNodeRuntime({ device, threads });
}

export interface RunEnvironment extends RestoreEnvironment {
  readonly stdout: { write(text: string): unknown };
}

/**
 * Restores what `inputs` name.
 * @returns the exit code: 0 if all are done, 1 if some failed, 3 if some show no face
 * @throws {UsageError} if the flags do not fit; whatever ended the run early, after its report is written
 */
export async function runRestore(
  inputs: readonly string[],
  flags: RestoreFlags,
  environment: RunEnvironment,
): Promise<number> {
  const settings = await readRestoreSettings(inputs, flags);
  // Pictures and networks need libraries that take a while to load.
  if (inputs.some(isVideo)) {
    const { restoreVideos } = await import('./restore-videos.ts');
    const outcome = await restoreVideos(settings, environment);
    if (flags.json) environment.stdout.write(`${JSON.stringify(outcome.report, null, 2)}\n`);
    if (outcome.stoppedBy !== undefined) throw outcome.stoppedBy;
    const { videos } = outcome.report;
    if (videos.some(({ status }) => status === 'failed')) return 1;
    return videos.some(({ tracks }) => tracks?.length === 0) ? 3 : 0;
  }
  const { restoreFiles } = await import('./restore-files.ts');
  const { report, stoppedBy } = await restoreFiles(settings, environment);
  if (flags.json) environment.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (stoppedBy !== undefined) throw stoppedBy;
  if (report.files.some(({ status }) => status === 'failed')) return 1;
  return report.files.some(({ faces }) => faces?.length === 0) ? 3 : 0;
}
