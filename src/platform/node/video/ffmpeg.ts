/** The FFmpeg programs of the system, as child processes. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';

export type FfmpegProgram = 'ffmpeg' | 'ffprobe';

/** A running program. */
interface FfmpegProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Resolves when the program has ended well.
   * @throws {Error} with what it last said, if it has not
   */
  readonly ended: Promise<void>;
  /** Ends it at once; `ended` then rejects. */
  kill(): void;
}

/** What a damaged or hostile file may make FFmpeg open: files and our pipes, no network. */
export const localOnly = ['-protocol_whitelist', 'file,pipe'] as const;

const keptLines = 8;
const keptCharacters = 400;

/** How a path is given to FFmpeg: never taken for an option, a protocol or a pattern. */
export function fileArgument(file: string): string {
  return `file:${path.resolve(file)}`;
}

/** The program's name, or the file that FFMPEG_PATH or FFPROBE_PATH names. */
export function ffmpegCommand(program: FfmpegProgram): string {
  return process.env[`${program.toUpperCase()}_PATH`] || program;
}

/**
 * Starts a program. Its standard error is read, and the last lines kept for errors.
 * @param onLine sees every line of its standard error
 */
export function startFfmpeg(
  program: FfmpegProgram,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): FfmpegProcess {
  const command = ffmpegCommand(program);
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // In a group of its own, Ctrl-C does not reach it: it is for us to say what is to be finished.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const last: string[] = [];
  const lines = splitLines(child.stderr, (line) => {
    onLine(line);
    last.push(line.slice(0, keptCharacters));
    if (last.length > keptLines) last.shift();
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? missingFfmpeg(command, error) : error);
    });
    child.on('close', async (code, signal) => {
      await lines;
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${signal ?? `code ${code}`}: ${last.join(' | ')}`));
    });
  });
  // Whoever waits for `ended` hears of a failure; until then it must not end the process.
  ended.catch(() => {});
  // Writing to a program that has ended fails too, and `ended` says why.
  child.stdin.on('error', () => {});
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill: () => child.kill('SIGKILL'),
  };
}

function missingFfmpeg(command: string, cause: Error): Error {
  return new Error(
    `Cannot work on videos: ${command} was not found. Install FFmpeg (https://ffmpeg.org) and put it into the PATH, or name it in FFMPEG_PATH and FFPROBE_PATH`,
    { cause },
  );
}

async function splitLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = (rest + chunk).split(/[\r\n]+/);
    rest = lines.pop()!;
    for (const line of lines) if (line.trim() !== '') onLine(line);
  }
  if (rest.trim() !== '') onLine(rest);
}

const maxOutputCharacters = 2 ** 24;

/**
 * Runs a program to its end.
 * @returns its standard output
 * @throws {Error} if it fails; the signal's reason
 */
export async function runFfmpeg(
  program: FfmpegProgram,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  signal?.throwIfAborted();
  const child = startFfmpeg(program, args);
  child.stdin.end();
  const stop = (): void => child.kill();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    let output = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      output += chunk;
      if (output.length > maxOutputCharacters)
        throw new RangeError(`${program} says more than can be taken in`);
    }
    await child.ended;
    return output;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    child.kill();
  }
}
