import type { OnnxModel } from '../../graph/onnx/emit-model.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';

/** A session for pictures of one size, made anew when another size comes: sets of pictures are mostly of one. */
export interface SizedSession {
  at(height: number, width: number): Promise<Session>;
  release(): Promise<void>;
}

export function sizedSession(
  runtime: Runtime,
  modelFor: (height: number, width: number) => OnnxModel,
): SizedSession {
  let loaded: { readonly size: string; readonly session: Session } | undefined;
  return {
    async at(height, width) {
      const size = `${height} x ${width}`;
      if (loaded?.size !== size) {
        await loaded?.session.release();
        loaded = undefined;
        loaded = { size, session: await runtime.createSession(modelFor(height, width)) };
      }
      return loaded.session;
    },
    release: async () => loaded?.session.release(),
  };
}
