/** A worker thread that holds sessions, for `createWorkerRuntime`. */

import { parentPort, workerData } from 'node:worker_threads';
import type { OnnxModel } from '../../../graph/onnx/emit-model.ts';
import type { Runtime, Session, SessionOptions, Tensors } from '../../../runtime/runtime.ts';
import { createNodeRuntime, type NodeRuntimeOptions } from './node-runtime.ts';

/** Requests are answered in their order. */
export type InferenceRequest = { readonly job: number } & (
  | { readonly kind: 'open' }
  | {
      readonly kind: 'create';
      readonly session: number;
      readonly model: OnnxModel;
      readonly options?: SessionOptions;
    }
  | { readonly kind: 'run'; readonly session: number; readonly feeds: Tensors }
  | { readonly kind: 'release'; readonly session: number }
);

export type OpenedDevice = Omit<Runtime, 'createSession'>;

export type InferenceReply = { readonly job: number } & (
  | { readonly result: OpenedDevice | Tensors | undefined; readonly error?: undefined }
  /** Classes do not survive the way between threads: the name tells them apart. */
  | { readonly error: { readonly name: string; readonly message: string } }
);

const port = parentPort!;
const runtime = createNodeRuntime({ shareCores: true, ...(workerData as NodeRuntimeOptions) });
runtime.catch(() => {}); // told to whoever opens it
const sessions = new Map<number, Session>();

let previous = Promise.resolve();
port.on('message', (request: InferenceRequest) => {
  previous = previous.then(() => answer(request));
});

async function answer(request: InferenceRequest): Promise<void> {
  const { job } = request;
  try {
    const result = await perform(request);
    const transferred = request.kind === 'run' ? buffersOf(result as Tensors) : [];
    port.postMessage({ job, result } satisfies InferenceReply, transferred);
  } catch (error) {
    const { name, message } = error as Error;
    port.postMessage({ job, error: { name, message } } satisfies InferenceReply);
  }
}

async function perform(request: InferenceRequest): Promise<OpenedDevice | Tensors | undefined> {
  switch (request.kind) {
    case 'open': {
      const { createSession: _, ...opened } = await runtime;
      return opened;
    }
    case 'create':
      sessions.set(request.session, await (await runtime).createSession(request.model, request.options));
      return undefined;
    case 'run':
      return sessions.get(request.session)!.run(request.feeds);
    case 'release': {
      const session = sessions.get(request.session);
      sessions.delete(request.session);
      await session?.release();
      return undefined;
    }
  }
}

/** Results are given away, not copied; two names may share one. */
function buffersOf(tensors: Tensors): ArrayBuffer[] {
  return [...new Set(Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer))];
}
