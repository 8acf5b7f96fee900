/** A runtime whose networks run in a thread of their own: signals, progress and files are served meanwhile. */

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { OnnxModel } from '../../../graph/onnx/emit-model.ts';
import {
  NonFiniteError,
  type Runtime,
  type Session,
  type SessionOptions,
  type Tensors,
} from '../../../runtime/runtime.ts';
import type { InferenceReply, InferenceRequest, OpenedDevice } from './inference-worker.ts';
import type { NodeRuntimeOptions } from './node-runtime.ts';

const extension = extname(import.meta.url);
/** Beside this file and of its kind. */
const workerUrl = new URL(`./inference-worker${extension}`, import.meta.url);
/** Not every Node runs a worker from TypeScript: tests of the sources do without the thread. */
const canStartWorker = extension === '.js' || 'typescript' in process.features;

/** What threads were asked for and have not answered, all together. */
let pending = 0;

/** Whether a network runs in a thread now: such a thread holds up `process.exit`. */
export function isInferenceRunning(): boolean {
  return pending > 0;
}

/**
 * Picks a device as `createNodeRuntime` does; the networks of all runtimes of this kind run in threads of their own. A
 * thread keeps the process alive only while it is asked for something.
 * @throws {Error} if the device asked for cannot be used here
 */
export async function createWorkerRuntime(options: NodeRuntimeOptions = {}): Promise<Runtime> {
  if (!canStartWorker) {
    const { createNodeRuntime } = await import('./node-runtime.ts');
    return createNodeRuntime(options);
  }
  const thread = new InferenceThread(options);
  const opened = (await thread.ask({ kind: 'open' })) as OpenedDevice;
  /** Loading a network takes one core of the processor: a second is loaded beside it. */
  let beside: InferenceThread | undefined;
  return {
    ...opened,
    createSession(model, settings) {
      if (opened.device !== 'cpu' || thread.jobs === 0) return thread.createSession(model, settings);
      beside ??= new InferenceThread(options);
      const least = beside.jobs < thread.jobs ? beside : thread;
      return least.createSession(model, settings);
    },
  };
}

type Request = InferenceRequest extends infer Each
  ? Each extends unknown
    ? Omit<Each, 'job'>
    : never
  : never;

interface Job {
  readonly resolve: (result: OpenedDevice | Tensors | undefined) => void;
  readonly reject: (error: Error) => void;
}

class InferenceThread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, Job>();
  #jobCount = 0;
  #sessionCount = 0;
  #failure: Error | undefined;

  constructor(options: NodeRuntimeOptions) {
    this.#worker = new Worker(workerUrl, { workerData: options });
    this.#worker.on('message', (reply: InferenceReply) => this.#settle(reply));
    this.#worker.on('error', (cause) => this.#stop(`failed: ${cause.message}`, cause));
    this.#worker.on('exit', (code) => this.#stop(`ended with code ${code}`));
    this.#worker.unref();
  }

  /** How many requests are not answered yet. */
  get jobs(): number {
    return this.#jobs.size;
  }

  async createSession(model: OnnxModel, options?: SessionOptions): Promise<Session> {
    const session = this.#sessionCount++;
    // Given away, as a copy if need be: a message would copy it while it grows.
    const given = options?.givesModel && model.bytes.byteLength === model.bytes.buffer.byteLength;
    const bytes = given ? model.bytes : model.bytes.slice();
    const buffer = bytes.buffer as ArrayBuffer;
    await this.ask({ kind: 'create', session, model: { ...model, bytes }, options }, [buffer]);
    return {
      name: model.name,
      run: async (feeds, outputs) => {
        const sent = copiesOf(model, feeds);
        const buffers = Object.values(sent).map(({ data }) => data.buffer as ArrayBuffer);
        const results = (await this.ask({ kind: 'run', session, feeds: sent }, buffers)) as Tensors;
        return outputs ? writtenInto(outputs, results) : results;
      },
      release: async () => {
        await this.ask({ kind: 'release', session });
      },
    };
  }

  /** @param given buffers of the request that the thread gets instead of copies */
  ask(request: Request, given: ArrayBuffer[] = []): Promise<OpenedDevice | Tensors | undefined> {
    if (this.#failure) return Promise.reject(this.#failure);
    const job = this.#jobCount++;
    pending++;
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#jobs.set(job, { resolve, reject });
      this.#worker.postMessage({ ...request, job }, given);
    });
  }

  #settle(reply: InferenceReply): void {
    const { resolve, reject } = this.#jobs.get(reply.job)!;
    this.#jobs.delete(reply.job);
    pending--;
    if (this.#jobs.size === 0) this.#worker.unref();
    if (reply.error) reject(errorOf(reply.error));
    else resolve(reply.result);
  }

  #stop(what: string, cause?: Error): void {
    this.#failure ??= new Error(`Cannot run networks: the thread that runs them ${what}`, { cause });
    for (const { reject } of this.#jobs.values()) reject(this.#failure);
    pending -= this.#jobs.size;
    this.#jobs.clear();
  }
}

/** To be given away; what is not asked for is not sent. */
function copiesOf(model: OnnxModel, feeds: Tensors): Tensors {
  return Object.fromEntries(
    [...model.inputs.keys()].flatMap((name) => {
      const feed = feeds[name];
      return feed ? [[name, { shape: feed.shape, data: feed.data.slice() }]] : [];
    }),
  );
}

/** Results copied into the tensors that were given for them. */
function writtenInto(outputs: Tensors, results: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(results).map(([name, result]) => {
      outputs[name]?.data.set(result.data);
      return [name, outputs[name] ?? result];
    }),
  );
}

const errorClasses: Readonly<Record<string, new (message: string) => Error>> = { NonFiniteError, RangeError };

function errorOf({ name, message }: { name: string; message: string }): Error {
  return new (errorClasses[name] ?? Error)(message);
}
