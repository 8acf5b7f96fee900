/** The networks that whole photographs need, each loaded when it is first asked for. */

import type { PhotoTools } from '../../../restore/photo/find-subject.ts';
import { loadFaceDescriber } from './load-face-describer.ts';
import { loadFaceDetector } from './load-face-detector.ts';
import { type LoadRestorerOptions, loadRestorer } from './load-restorer.ts';

interface LoadPhotoToolsOptions extends LoadRestorerOptions {
  /** Folder of a checkpoint; the embedded model unless given. */
  readonly checkpoint?: string;
}

interface LoadedPhotoTools extends PhotoTools {
  /** Lets go of whatever has been loaded. */
  release(): Promise<void>;
}

/** For `findSubject` and `restoreSubject`: the detector that needs no download, the identity network, the model. */
export function loadPhotoTools({ checkpoint, ...options }: LoadPhotoToolsOptions = {}): LoadedPhotoTools {
  const loaded: Promise<{ release(): Promise<void> }>[] = [];
  const once = <Network extends { release(): Promise<void> }>(load: () => Promise<Network>) => {
    let network: Promise<Network> | undefined;
    return (): Promise<Network> => {
      if (network) return network;
      network = load();
      loaded.push(network);
      return network;
    };
  };
  const restorer = once(() => loadRestorer(checkpoint, options));
  const describers = new Map<number, () => ReturnType<typeof loadFaceDescriber>>();
  return {
    restorer,
    detector: once(() => loadFaceDetector({ threads: options.threads })),
    describer(size) {
      const known = describers.get(size) ?? once(() => loadFaceDescriber(size));
      describers.set(size, known);
      return known();
    },
    async release() {
      for (const network of loaded.splice(0))
        await network.then((one) => one.release()).catch(() => undefined);
    },
  };
}
