/** The page's worker: networks and pixels. Calls run one after another; what they need comes with them. */

import { CheckpointError } from '../../checkpoint/checkpoint-error.ts';
import { failureOf } from '../../failure/failure.ts';
import type { UpdatedXmp } from '../../image/file/xmp.ts';
import type { CallEvent, CallName, FromWorker, ToWorker } from '../bridge/messages.ts';
import { calls } from './calls.ts';
import { PageFailure } from './page-failure.ts';

const running = new Map<number, AbortController>();
let queue: Promise<void> = Promise.resolve();

let hearXmp: ((updated: UpdatedXmp) => void) | undefined;

const send = (message: FromWorker): void => self.postMessage(message);

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'cancel') {
    running.get(data.call)?.abort();
    return;
  }
  if (data.kind === 'xmp') {
    hearXmp?.(data.updated);
    return;
  }
  running.set(data.call, new AbortController());
  queue = queue.then(() => answer(data));
});

async function answer({ call, name, asked }: Extract<ToWorker, { kind: 'call' }>): Promise<void> {
  const { signal } = running.get(call)!;
  const onEvent = (event: CallEvent): void => send({ kind: 'event', call, event });
  const updateXmp = (xmp: Uint8Array): Promise<UpdatedXmp> =>
    new Promise((resolve) => {
      hearXmp = resolve;
      send({ kind: 'xmp', call, xmp });
    });
  try {
    signal.throwIfAborted();
    const run = calls[name] as (asked: unknown, tools: unknown) => ReturnType<(typeof calls)[CallName]>;
    const result = await run(asked, { signal, onEvent, updateXmp });
    signal.throwIfAborted();
    send({ kind: 'answer', call, answer: result });
  } catch (error) {
    if (signal.aborted) send({ kind: 'cancelled', call });
    else send({ kind: 'failed', call, ...describe(error) });
  } finally {
    running.delete(call);
  }
}

function describe(error: unknown): Pick<Extract<FromWorker, { kind: 'failed' }>, 'code' | 'message'> {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof PageFailure) return { code: error.code, message };
  if (error instanceof CheckpointError) return { code: 'model', message };
  if (failureOf(error)?.code === 'not-finite') return { code: 'not-finite', message };
  // Of WebAssembly and of array buffers that are too large for what is left.
  if (/out of memory|allocation failed|bad_alloc|std::bad/i.test(message)) return { code: 'memory', message };
  return { code: 'other', message };
}
