/** Pictures that cannot be measured: each is told of, the others are measured. */

interface FailuresOptions {
  /** told of each; without it the first one ends the work */
  readonly onFailed?: ((name: string, error: unknown) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Failures {
  readonly #options: FailuresOptions;
  #first: unknown;
  #count = 0;

  constructor(options: FailuresOptions) {
    this.#options = options;
  }

  /** What `work` gives for a picture; undefined if it failed. @throws the signal's reason */
  async unless<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (!this.#options.onFailed) throw error;
      if (this.#count++ === 0) this.#first = error;
      this.#options.onFailed(name, error);
      return undefined;
    }
  }

  /** @throws {Error} with the first failure, if `measured` is none and something failed */
  requireSome(measured: number): void {
    if (measured > 0 || this.#count === 0) return;
    if (this.#count === 1) throw this.#first;
    const cause = this.#first as Error;
    throw new Error(`None of ${this.#count} pictures can be measured. The first: ${cause.message}`, {
      cause,
    });
  }
}
