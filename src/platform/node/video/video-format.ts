/** The kinds of video files, and the extensions that tell of them. */
import path from 'node:path';

/** A video that can be written. */
export type VideoFormat = 'mp4' | 'mov' | 'mkv' | 'webm';

/** Of files that can be written. */
export const videoExtensions: Readonly<Record<string, VideoFormat>> = {
  '.mp4': 'mp4',
  '.m4v': 'mp4',
  '.mov': 'mov',
  '.mkv': 'mkv',
  '.webm': 'webm',
};

/** Of files that can only be read. */
const readExtensions: readonly string[] = [
  ...['.avi', '.mpg', '.mpeg', '.m2ts', '.mts'],
  ...['.wmv', '.flv', '.3gp', '.ogv'],
];

/** Whether a file is named as videos are; its content may be another. */
export function isVideoName(file: string): boolean {
  const extension = path.extname(file).toLowerCase();
  return extension in videoExtensions || readExtensions.includes(extension);
}
