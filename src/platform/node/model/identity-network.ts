/** The network that judges identity: `faceres` of the package @vladmandic/human, in ONNX Runtime. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { because } from '../../../failure/failure.ts';
import type { FeatureNetwork } from '../../../metrics/feature-network.ts';
import { faceresInput, faceresModel } from '../../../models/faceres/faceres.ts';
import type { Runtime } from '../../../runtime/runtime.ts';

const PACKAGE = '@vladmandic/human';

/** Describes aligned faces by 1,024 numbers. @throws {CheckpointError} if the package is missing or its files are damaged */
export async function loadIdentityNetwork(runtime: Runtime): Promise<FeatureNetwork> {
  const file = path.join(modelFolder(), 'faceres.json');
  const read = (name: string): Promise<Buffer> =>
    readFile(name).catch((cause: Error) => {
      throw new CheckpointError(`${cause.message}. Install ${PACKAGE} again`, { file: name, cause });
    });
  const model: unknown = JSON.parse((await read(file)).toString());
  const session = await runtime.createSession(
    faceresModel(model, await read(file.replace(/\.json$/, '.bin'))),
  );
  return {
    name: 'faceres',
    async describe(face) {
      const { descriptor } = await session.run({ image: faceresInput(face) });
      return descriptor!.data.slice();
    },
    release: () => session.release(),
  };
}

function modelFolder(): string {
  try {
    // Its package.json is not exported; its main file is dist/human.node.js.
    const main = createRequire(import.meta.url).resolve(PACKAGE);
    return path.join(path.dirname(main), '../models');
  } catch (cause) {
    throw because(
      new CheckpointError(
        `it is not installed, and identity is judged by its network. Run npm i ${PACKAGE}@3.3.6`,
        { file: PACKAGE, cause },
      ),
      { code: 'no-identity-network' },
    );
  }
}
