/**
 * Other restorers, as ONNX files that facefusion publishes. Digests as in released-files.ts: taken from several projects
 * that agree on them; facefusion's own pages show none (its .hash files are CRC-32).
 */
import type { Licence, Release, ReleasedFile } from './release.ts';

interface Rival {
  readonly name: string;
  readonly description: string;
  readonly title: string;
  readonly file: string;
  readonly known: Pick<ReleasedFile, 'aboutBytes' | 'bytes' | 'sha256' | 'likelySha256'>;
  readonly licence: Licence;
}

const github = 'https://github.com/facefusion/facefusion-assets/releases/download/models-3.0.0';

function rival({ name, description, title, file, known, licence }: Rival): Release {
  return {
    name,
    description,
    parts: [
      {
        title,
        origin: 'https://huggingface.co/facefusion/models-3.0.0',
        licence,
        files: [
          {
            path: `restorers/${file}`,
            sources: [`hf:facefusion/models-3.0.0/${file}`, `${github}/${file}`],
            ...known,
          },
        ],
      },
    ],
  };
}

/** Restorers to compare with: `--restorer` takes their names. */
export const rivalReleases: readonly Release[] = [
  rival({
    name: 'gfpgan',
    description: 'GFPGAN 1.4, another restorer, 512 pixels',
    title: 'GFPGAN 1.4 (ONNX by facefusion)',
    file: 'gfpgan_1.4.onnx',
    known: {
      aboutBytes: 340_299_087,
      bytes: 340_299_087,
      sha256: 'accc4757b26bdb89b32b4d3500d4f79c9dff97c1dd7c7104bf9dcb95e3311385',
    },
    licence: {
      name: 'Apache License 2.0, with exceptions',
      url: 'https://github.com/TencentARC/GFPGAN/blob/master/LICENSE',
      terms:
        'parts are NOT for commercial use: its licence file excepts StyleGAN2 (NVIDIA) and DFDNet (CC BY-NC-SA 4.0)',
    },
  }),
  rival({
    name: 'codeformer',
    description: 'CodeFormer, another restorer, 512 pixels, with a fidelity',
    title: 'CodeFormer (ONNX by facefusion)',
    file: 'codeformer.onnx',
    known: {
      aboutBytes: 376_951_650,
      bytes: 376_951_650,
      sha256: '21710e7ab61c82683576c428e9c1b6fe1ed419586b7b39e394c3449c294b550f',
    },
    licence: {
      name: 'S-Lab License 1.0',
      url: 'https://github.com/sczhou/CodeFormer/blob/master/LICENSE',
      terms: 'NOT for commercial use; the notice kept',
    },
  }),
  rival({
    name: 'gpen',
    description: 'GPEN-BFR, another restorer, 512 pixels',
    title: 'GPEN-BFR-512 (ONNX by facefusion)',
    file: 'gpen_bfr_512.onnx',
    known: {
      aboutBytes: 284_340_240,
      bytes: 284_340_240,
      sha256: 'd5f066b9068a8b74217f9712e28e875a6144629b108a6f7355acbdb3a2832c54',
    },
    licence: {
      name: 'non-commercial, as facefusion states',
      url: 'https://github.com/yangxy/GPEN',
      terms: 'NOT for commercial use; its authors’ own terms were not seen',
    },
  }),
  rival({
    name: 'restoreformer-pp',
    description: 'RestoreFormer++, another restorer, 512 pixels',
    title: 'RestoreFormer++ (ONNX by facefusion)',
    file: 'restoreformer_plus_plus.onnx',
    known: {
      aboutBytes: 294_264_232,
      likelySha256: 'f4db5a89902b6a2d452446f5721245a6f7185f699b6aec7b77285adb4d504337',
    },
    licence: {
      name: 'Apache License 2.0, as facefusion states',
      url: 'https://github.com/wzhouxiff/RestoreFormerPlusPlus',
      terms: 'any use, with the notices kept; its authors’ own terms were not seen',
    },
  }),
];
