/** What runs an emitted model: the same small interface over onnxruntime-node and onnxruntime-web. */
import type { OnnxModel } from '../graph/onnx/emit-model.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';

export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | 'wasm';
/** What a user may ask for; `auto` takes the first device that works. */
export type DeviceChoice = 'auto' | 'cpu' | 'webgpu' | 'cuda';

export type Tensors = Readonly<Record<string, HostTensor>>;

/** One loaded model. */
export interface Session {
  readonly name: string;
  /**
   * @param feeds every input of the model, by name and with its shape
   * @param outputs tensors to write results into, for some or all outputs; they may be tensors of `feeds` if the
   *   model reads those elementwise only
   * @throws {RangeError} if a feed is missing or has another shape, {@link NonFiniteError} on NaN or infinity
   */
  run(feeds: Tensors, outputs?: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Runtime {
  readonly device: DeviceName;
  /** Why this device, in words. */
  readonly reason: string;
  /**
   * Blocks of channels that its convolution kernels may take, the likelier first: see `findConvolutionBlock`. Empty where
   * there are no such kernels.
   */
  readonly convolutionBlocks: readonly number[];
  /** Whether sessions that are asked to share scratch memory do: what one gives back is kept for the next. */
  readonly sharesScratch: boolean;
  createSession(model: OnnxModel, options?: SessionOptions): Promise<Session>;
}

export interface SessionOptions {
  /**
   * Lay the weights out anew for the machine: a third less time a run, for a copy of every weight on the heap. For
   * small networks that run often.
   */
  readonly packWeights?: boolean;
  /** Hold no scratch memory between runs, where the runtime keeps it for the next session. */
  readonly sharesScratch?: boolean;
  /** The model is not needed again: its bytes may be given away instead of copied, and are empty afterwards. */
  readonly givesModel?: boolean;
}

/** A network gave NaN or infinity. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';
}

/** Loads a model for the time of `use`, and releases it whatever happens. */
export async function withSession<Result>(
  runtime: Runtime,
  model: OnnxModel,
  use: (session: Session) => Promise<Result>,
  options?: SessionOptions,
): Promise<Result> {
  const session = await runtime.createSession(model, options);
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}
