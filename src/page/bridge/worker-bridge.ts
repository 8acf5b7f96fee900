/** The page's end of the bridge: calls that can be followed and cancelled. */

import { updateXmp } from '../../image/file/xmp.ts';
import type { CallEvent, CallName, Calls, FailureCode, FromWorker, ToWorker } from './messages.ts';
import { xmlCodec } from './xml-codec.ts';

/** A call that did not succeed; `code` has words in the page. */
export class CallError extends Error {
  readonly code: FailureCode;
  constructor(code: FailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (reason: unknown) => void;
  readonly onEvent: ((event: CallEvent) => void) | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: CallEvent) => void;
}

/** A network that runs cannot be stopped: after so long its worker is ended. */
const patienceMs = 400;

/** One worker, which is replaced when it has to be ended; it keeps nothing that the page needs. */
export class WorkerBridge {
  #worker: Worker | undefined;
  #last = 0;
  readonly #pending = new Map<number, Pending>();
  readonly #start: () => Worker;

  constructor(start: () => Worker) {
    this.#start = start;
  }

  /** @throws {CallError} if it fails; the signal's reason once it is aborted, at most `patienceMs` later */
  call<Name extends CallName>(
    name: Name,
    asked: Calls[Name]['asked'],
    { signal, onEvent }: CallOptions = {},
  ): Promise<Calls[Name]['answer']> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const call = ++this.#last;
    return new Promise<Calls[Name]['answer']>((resolve, reject) => {
      const settle = (): void => {
        this.#pending.delete(call);
        signal?.removeEventListener('abort', cancel);
      };
      const cancel = (): void => {
        this.#send({ kind: 'cancel', call });
        setTimeout(() => {
          if (this.#pending.has(call)) this.#restart();
        }, patienceMs);
      };
      this.#pending.set(call, {
        resolve: (answer) => {
          settle();
          resolve(answer);
        },
        reject: (reason) => {
          settle();
          reject(signal?.aborted ? signal.reason : reason);
        },
        onEvent,
      });
      signal?.addEventListener('abort', cancel);
      this.#send({ kind: 'call', call, name, asked } as ToWorker);
    });
  }

  #send(message: ToWorker): void {
    this.#worker ??= this.#open();
    this.#worker.postMessage(message);
  }

  #open(): Worker {
    const worker = this.#start();
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#hear(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#end(new CallError('memory', event.message || 'the worker of this page ended'));
    });
    return worker;
  }

  #restart(): void {
    this.#end(new DOMException('cancelled', 'AbortError'));
  }

  #end(reason: unknown): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const pending of [...this.#pending.values()]) pending.reject(reason);
  }

  #hear(message: FromWorker): void {
    const pending = this.#pending.get(message.call);
    if (!pending) return;
    switch (message.kind) {
      case 'event':
        pending.onEvent?.(message.event);
        break;
      case 'answer':
        pending.resolve(message.answer as never);
        break;
      case 'xmp':
        this.#send({ kind: 'xmp', call: message.call, updated: updateXmp(message.xmp, xmlCodec) });
        break;
      case 'cancelled':
        pending.reject(new DOMException('cancelled', 'AbortError'));
        break;
      case 'failed':
        pending.reject(new CallError(message.code, message.message));
        break;
    }
  }
}
