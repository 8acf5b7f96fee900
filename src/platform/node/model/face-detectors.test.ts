import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { faceDetectorContract } from '../../../face/face-detector.contract.test-support.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { loadRetinaFaceDetector } from './face-network-files.ts';
import { loadFaceDetector } from './load-face-detector.ts';
import { savedRetinaface, saveNetwork } from './saved-network.test-support.ts';

describe('the SSD detector', () => {
  faceDetectorContract(() => loadFaceDetector(), {});
});

describe('RetinaFace', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'detectors-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  // With weights by formula, whose scores lie near a half.
  faceDetectorContract(
    async () => {
      const file = path.join(folder, 'detection_mobilenet0.25_Final.pth');
      await saveNetwork(file, Object.values(savedRetinaface(64, 64)), { prefix: 'module.' });
      return loadRetinaFaceDetector(file, await createNodeRuntime({ device: 'cpu' }));
    },
    { minScore: 0.515 },
  );
});
