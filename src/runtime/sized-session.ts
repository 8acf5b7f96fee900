import type { OnnxModel } from '../graph/onnx/emit-model.ts';
import type { Runtime, Session, SessionOptions } from './runtime.ts';

/**
 * A session for inputs of one size, such as a height and a width or a batch, made anew when another size comes: a
 * folder often holds many pictures of one.
 */
export interface SizedSession<Sizes extends readonly number[]> {
  at(...sizes: Sizes): Promise<Session>;
  /** The session that is loaded; another call of `at` makes it again. */
  release(): Promise<void>;
}

/** @param modelFor makes the model of a size, when it first comes and whenever it comes after another */
export function sizedSession<Sizes extends readonly number[]>(
  runtime: Runtime,
  modelFor: (...sizes: Sizes) => OnnxModel | Promise<OnnxModel>,
  options?: SessionOptions,
): SizedSession<Sizes> {
  let loaded: { readonly sizes: Sizes; readonly session: Session } | undefined;
  const release = async (): Promise<void> => {
    await loaded?.session.release();
    loaded = undefined;
  };
  return {
    async at(...sizes) {
      if (loaded?.sizes.every((size, i) => size === sizes[i])) return loaded.session;
      await release();
      const session = await runtime.createSession(await modelFor(...sizes), options);
      loaded = { sizes, session };
      return session;
    },
    release,
  };
}
