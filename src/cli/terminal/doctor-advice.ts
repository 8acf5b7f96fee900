/** What to do about what `doctor` found. */

import type { Remedy } from '../../platform/node/measure/doctor.ts';

const reinstall = 'Install again: npm ci in a clone, or npm install interlcm';

type Advice = {
  readonly [Code in Remedy['code']]: (remedy: Extract<Remedy, { readonly code: Code }>) => string;
};

const advice: Advice = {
  'install-again': () => reinstall,
  'install-model-again': () => `${reinstall}; until then restore needs --checkpoint`,
  'install-node': ({ version }) => `Install Node ${version} or later from https://nodejs.org`,
  'install-ffmpeg': () => 'Only videos need it: install FFmpeg (https://ffmpeg.org) and put it into the PATH',
  'use-cpu': () => 'Leave --device out; the CPU is used',
  'report-fault': () => 'Results would be wrong here: report it with the output of interlcm doctor --json',
  'free-memory': ({ bytes }) =>
    `The published sizes need ${(bytes / 1e9).toFixed(1)} GB with --memory low: close other programs`,
  'free-disk': () => 'Transformed weights may not fit: free some room, or take --memory low',
  'choose-cache-folder': () => 'Set XDG_CACHE_HOME to a folder that can be written',
  download: ({ release, folder, rest }) =>
    `npx interlcm download ${release} -o ${folder}${rest ? ' fetches what is missing' : ''}`,
  'list-checkpoint': ({ folder }) => `npx interlcm info ${folder} names them`,
};

export function doctorAdvice(remedy: Remedy): string {
  return (advice[remedy.code] as (remedy: Remedy) => string)(remedy);
}
