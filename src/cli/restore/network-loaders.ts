/** How the networks of a command are loaded. What loads them needs libraries that take a while to load themselves. */

import type { Runtime } from '../../runtime/runtime.ts';
import type { NetworkLoaders } from './loaded-networks.ts';
import type { RestoreFlags } from './restore-flags.ts';

type Flags = Pick<RestoreFlags, 'device' | 'threads'>;

export function networkLoaders(flags: Flags): NetworkLoaders {
  return {
    loadRestorer: async (checkpoint, options) => {
      const { loadRestorer } = await import('../../platform/node/model/load-restorer.ts');
      return loadRestorer(checkpoint, options);
    },
    loadDetector: async (file) => {
      const { loadFaceDetector } = await import('../../platform/node/model/load-face-detector.ts');
      return loadFaceDetector({ threads: flags.threads, file });
    },
    loadDescriber: async (size) => {
      const { loadFaceDescriber } = await import('../../platform/node/model/load-face-describer.ts');
      return loadFaceDescriber(size);
    },
    loadParser: async (file) => {
      const { loadFaceParser } = await import('../../platform/node/model/face-network-files.ts');
      return loadFaceParser(file, await runtimeOf(flags));
    },
    loadUpscaler: async (file) => {
      const { loadUpscaler } = await import('../../platform/node/model/face-network-files.ts');
      return loadUpscaler(file, await runtimeOf(flags));
    },
  };
}

async function runtimeOf({ device, threads }: Flags): Promise<Runtime> {
  const { createWorkerRuntime } = await import('../../platform/node/engine/worker-runtime.ts');
  return createWorkerRuntime({ device, threads });
}
