/** A process that restores, as its parent sees it: one request at a time; ended and started anew where need be. */

import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JobError, type JobProgress } from '../job/job.ts';
import type { WorkAnswer, WorkRequest, WorkSettings } from './messages.ts';
import type { PhotoWork } from './work-on-photo.ts';

const entry = fileURLToPath(new URL(`./restore-process${extname(import.meta.url)}`, import.meta.url));

interface RunOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly onProgress: (progress: JobProgress) => void;
}

export interface WorkProcess {
  /** resolves once its networks are loaded; rejects if they cannot be */
  readonly ready: Promise<void>;
  /** @throws {JobError} also if the process dies, or takes too long; the signal's reason */
  run(request: WorkRequest, options: RunOptions): Promise<PhotoWork>;
  /** Ends it, whatever it does. */
  end(): void;
}

/** @param onLog told what went wrong, for the service's log */
export function startWorkProcess(settings: WorkSettings, onLog: (text: string) => void): WorkProcess {
  let child: ChildProcess;
  let ready: Promise<void>;
  let isEnded = false;
  const start = (): void => {
    child = fork(entry, [JSON.stringify(settings)], {
      serialization: 'advanced',
      // What it says goes into the log, in lines of its own.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const current = child;
    for (const stream of [current.stdout, current.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => onLog(text.trimEnd()));
    ready = new Promise((resolve, reject) => {
      current.on('message', (answer: WorkAnswer) => answer.kind === 'ready' && resolve());
      current.once('exit', (code, name) =>
        reject(new Error(`the process that restores ended (${name ?? code})`)),
      );
      current.once('error', reject);
    });
    // It is looked at where a job needs it.
    ready.catch(() => undefined);
  };
  const restart = (): void => {
    child.kill('SIGKILL');
    if (!isEnded) start();
  };
  start();
  return {
    get ready() {
      return ready;
    },
    async run(request, { signal, timeoutMs, onProgress }) {
      signal.throwIfAborted();
      if (child.exitCode !== null || child.signalCode !== null) start();
      await ready;
      signal.throwIfAborted();
      const current = child;
      return new Promise<PhotoWork>((resolve, reject) => {
        const settle = (act: () => void): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
          current.removeListener('message', hear);
          current.removeListener('exit', die);
          act();
        };
        const stop = (error: unknown): void =>
          settle(() => {
            restart();
            reject(error);
          });
        const abort = (): void => stop(signal.reason);
        const die = (): void =>
          stop(
            new JobError({
              code: 'worker-lost',
              detail: 'the photo took the process down that worked on it',
            }),
          );
        const hear = (answer: WorkAnswer): void => {
          if (answer.kind === 'progress') onProgress(answer.progress);
          else if (answer.kind === 'done') settle(() => resolve(answer));
          else if (answer.kind === 'failed')
            settle(() => {
              if (answer.problem.code === 'internal') onLog(answer.log);
              reject(new JobError(answer.problem));
            });
        };
        const timer = setTimeout(
          () =>
            stop(
              new JobError({
                code: 'timeout',
                detail: `it took longer than the ${Math.round(timeoutMs / 1000)} s that a job may take`,
              }),
            ),
          timeoutMs,
        );
        signal.addEventListener('abort', abort, { once: true });
        current.on('message', hear);
        current.once('exit', die);
        current.send(request);
      });
    },
    end() {
      isEnded = true;
      child.kill('SIGKILL');
    },
  };
}
