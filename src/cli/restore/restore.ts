/** `interlcm restore`: photos in, photos with restored faces out. */

import { command } from 'cleye';
import { isFolder } from '../../platform/node/files/file-kind.ts';
import { isVideoName } from '../../platform/node/video/video-format.ts';
import { rejectUnknownFlags } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { printable } from '../terminal/terminal-text.ts';
import { splitFaceIndices } from './face-indices.ts';
import { networkLoaders } from './network-loaders.ts';
import type { RestoreEnvironment, RestoreOutcome } from './restore-files.ts';
import { type RestoreFlags, restoreDetails, restoreFlags } from './restore-flags.ts';
import { type RestoreSettings, readRestoreSettings, refusalForVideos } from './restore-settings.ts';
import type { VideosOutcome } from './restore-videos.ts';

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
      ...networkLoaders(given),
      stdout: process.stdout,
      stderr: process.stderr,
      signal: interruptSignal(),
    });
  },
);

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
  const videos = await findVideos(inputs, flags);
  const settings = await readRestoreSettings(videos.only ? videos.paths : videos.others, flags);
  // Pictures and networks need libraries that take a while to load.
  const pictures = videos.only ? undefined : await restorePictures(settings, environment);
  const passedOver = videos.only ? undefined : refusalForVideos(flags);
  if (videos.paths.length > 0 && passedOver !== undefined)
    environment.stderr.write(
      `${videos.paths.length} ${videos.paths.length === 1 ? 'video' : 'videos'} passed over: ${printable(passedOver)}\n`,
    );
  const restorable = pictures?.stoppedBy === undefined && passedOver === undefined ? videos.paths : [];
  const moving = restorable.length > 0 ? await restoreMoving(settings, restorable, environment) : undefined;
  const report = { ...pictures?.report, ...moving?.report };
  if (flags.json) environment.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  const stoppedBy = pictures?.stoppedBy ?? moving?.stoppedBy;
  if (stoppedBy !== undefined) throw stoppedBy;
  const photos = pictures?.report.files ?? [];
  const clips = moving?.report.videos ?? [];
  if ([...photos, ...clips].some(({ status }) => status === 'failed')) return 1;
  const faceless =
    photos.some(({ faces }) => faces?.length === 0) || clips.some(({ tracks }) => tracks?.length === 0);
  return faceless ? 3 : 0;
}

interface FoundVideos {
  readonly paths: readonly string[];
  /** Nothing but videos was named. */
  readonly only: boolean;
  /** what was named beside them */
  readonly others: readonly string[];
}

/** The videos that are named, or lie in what is. */
async function findVideos(
  inputs: readonly string[],
  { recursive = false, output }: RestoreFlags,
): Promise<FoundVideos> {
  const { findInputFiles } = await import('../../platform/node/files/input-files.ts');
  const found = await findInputFiles(inputs, { recursive, outputFolder: output, isVideo: isVideoName });
  const paths = found.videos.map((video) => video.path);
  // A video that is named and is not there is one that cannot be read.
  const missing = found.problems
    .map((problem) => problem.path)
    .filter((file) => isVideoName(file) && inputs.includes(file));
  const only =
    paths.length + missing.length > 0 && found.files.length === 0 && missing.length === found.problems.length;
  const named = await Promise.all(inputs.map(namesVideos));
  return { paths: [...paths, ...missing], only, others: inputs.filter((_, i) => !named[i]) };
}

/** Whether a path or a glob names videos; a folder may be called as it likes. */
async function namesVideos(input: string): Promise<boolean> {
  return isVideoName(input) && !(await isFolder(input));
}

async function restorePictures(
  settings: RestoreSettings,
  environment: RunEnvironment,
): Promise<RestoreOutcome> {
  const { restoreFiles } = await import('./restore-files.ts');
  return restoreFiles(settings, environment);
}

async function restoreMoving(
  settings: RestoreSettings,
  inputs: readonly string[],
  environment: RunEnvironment,
): Promise<VideosOutcome> {
  const { restoreVideos } = await import('./restore-videos.ts');
  return restoreVideos({ ...settings, inputs }, environment);
}
