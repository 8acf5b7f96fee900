/** The files that metrics are defined by, and those of text to image. Sizes and digests as in released-files.ts. */
import type { Licence, Release, ReleasedFile, ReleasedPart } from './release.ts';

const apache: Licence = {
  name: 'Apache License 2.0',
  url: 'https://www.apache.org/licenses/LICENSE-2.0',
  terms: 'any use, with the notices kept',
};
const bsd = (url: string, terms = 'any use, with the notice kept'): Licence => ({
  name: 'BSD',
  url,
  terms,
});

const file = (
  path: string,
  source: string,
  aboutBytes: number,
  known: Pick<ReleasedFile, 'bytes' | 'sha256'> = {},
): ReleasedFile => ({ path, sources: [source], aboutBytes, ...known });

const perceptualSimilarity = 'https://github.com/richzhang/PerceptualSimilarity';
const linear = (name: 'alex' | 'vgg', bytes: number, sha256: string): ReleasedPart => ({
  title: `LPIPS 0.1 (linear layers over ${name === 'alex' ? 'AlexNet' : 'VGG16'})`,
  origin: perceptualSimilarity,
  licence: bsd(`${perceptualSimilarity}/blob/master/LICENSE`),
  files: [
    file(
      `metrics/lpips-${name}.pth`,
      `https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/${name}.pth`,
      bytes,
      { bytes, sha256 },
    ),
  ],
});
const torchvision = (title: string, name: string, aboutBytes: number): ReleasedPart => ({
  title: `${title} of torchvision`,
  origin: 'https://github.com/pytorch/vision',
  licence: bsd(
    'https://github.com/pytorch/vision/blob/main/LICENSE',
    'of the code; the terms of the data that the weights were trained on (ImageNet) are for research',
  ),
  files: [file(`metrics/${name}`, `https://download.pytorch.org/models/${name}`, aboutBytes)],
});

const dreamsimRelease =
  'https://github.com/ssundaram21/dreamsim/releases/download/v0.2.0-checkpoints/dreamsim';
/** A zip archive, which is read as it is. */
const dreamsim = (kind: 'ensemble' | 'dino_vitb16', aboutBytes: number): ReleasedPart => ({
  title: `DreamSim 0.2 (${kind})`,
  origin: 'https://github.com/ssundaram21/dreamsim',
  licence: {
    name: 'MIT',
    url: 'https://github.com/ssundaram21/dreamsim/blob/main/LICENSE',
    terms: 'any use, with the notice kept; DINO, which it is made from, is under Apache 2.0',
  },
  files: [file(`metrics/dreamsim/${kind}.zip`, `${dreamsimRelease}_${kind}_checkpoint.zip`, aboutBytes)],
});

/** What `evaluate by metrics:` measures with. */
export const metricReleases: readonly Release[] = [
  {
    name: 'fid',
    description: "Inception v3 as FID takes it, for the metric fid: pytorch-fid's weights",
    parts: [
      {
        title: 'Inception v3 (2015) of pytorch-fid',
        origin: 'https://github.com/mseitzer/pytorch-fid',
        licence: apache,
        files: [
          file(
            'metrics/pt_inception-2015-12-05-6726825d.pth',
            'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth',
            95_628_359,
            {
              bytes: 95_628_359,
              sha256: '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
            },
          ),
        ],
      },
    ],
  },
  {
    name: 'lpips',
    description: 'LPIPS over AlexNet, for the metric lpips',
    parts: [
      linear('alex', 6009, 'df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0'),
      torchvision('AlexNet', 'alexnet-owt-7be5be79.pth', 244e6),
    ],
  },
  {
    name: 'lpips-vgg',
    description: 'LPIPS over VGG16, for the metric lpips-vgg',
    parts: [
      linear('vgg', 7289, 'a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868'),
      torchvision('VGG16', 'vgg16-397923af.pth', 553e6),
    ],
  },
  {
    name: 'musiq',
    description: 'MUSIQ, quality without a truth, for the metric musiq: KonIQ-10k',
    parts: [
      {
        title: 'MUSIQ (KonIQ-10k) of IQA-PyTorch',
        origin: 'https://huggingface.co/chaofengc/IQA-PyTorch-Weights',
        licence: {
          name: 'CC BY-NC-SA 4.0',
          url: 'https://creativecommons.org/licenses/by-nc-sa/4.0/',
          terms: 'NOT for commercial use; name its authors, and share under the same licence',
        },
        files: [
          file(
            'metrics/musiq_koniq_ckpt-e95806b9.pth',
            'hf:chaofengc/IQA-PyTorch-Weights/musiq_koniq_ckpt-e95806b9.pth',
            108_610_983,
            {
              bytes: 108_610_983,
              sha256: 'e95806b9eae5f3814c410f574ba8e552362bd5bc63d758ed5b97860f5d6185aa',
            },
          ),
        ],
      },
    ],
  },
  {
    name: 'ids',
    description: "ArcFace, the angle to the true person as VQFR's Deg, for the metric ids",
    parts: [
      {
        title: 'ArcFace ResNet-18 of GFPGAN',
        origin: 'https://github.com/TencentARC/GFPGAN/releases/tag/v0.1.0',
        licence: {
          name: 'not stated',
          url: 'https://github.com/TencentARC/GFPGAN',
          terms:
            'no licence of these weights is known; GFPGAN is under Apache 2.0, and they were made by others',
        },
        files: [
          file(
            'metrics/arcface_resnet18.pth',
            'https://github.com/TencentARC/GFPGAN/releases/download/v0.1.0/arcface_resnet18.pth',
            103e6,
            { sha256: '69554b3184575bdda7ecf7f40caf2b0c5ecbd0617b676d2209d8bf0e7e3d8042' },
          ),
        ],
      },
    ],
  },
  {
    name: 'dreamsim',
    description: 'DreamSim, all three branches, for the metric dreamsim',
    parts: [dreamsim('ensemble', 1.0e9)],
  },
  {
    name: 'dreamsim-dino',
    description: 'DreamSim, one branch, for the metric dreamsim-dino',
    parts: [dreamsim('dino_vitb16', 0.35e9)],
  },
];

const stability: Licence = {
  name: 'Stability AI Community License',
  url: 'https://stability.ai/community-license-agreement',
  terms: 'NOT for commercial use above one million dollars of yearly revenue; harmful uses are excluded',
};
const tower = (folder: string, repository: string, aboutBytes: number): ReleasedFile[] => [
  file(`${folder}/text_encoder/config.json`, `hf:${repository}/text_encoder/config.json`, 1000),
  file(
    `${folder}/text_encoder/model.safetensors`,
    `hf:${repository}/text_encoder/model.safetensors`,
    aboutBytes,
  ),
  file(`${folder}/tokenizer/vocab.json`, `hf:${repository}/tokenizer/vocab.json`, 1.06e6),
  file(`${folder}/tokenizer/merges.txt`, `hf:${repository}/tokenizer/merges.txt`, 525e3),
];
const network = (folder: string, source: string, aboutBytes: number): ReleasedFile[] => [
  file(`${folder}/config.json`, `${source}/config.json`, 2000),
  file(
    `${folder}/diffusion_pytorch_model.safetensors`,
    `${source}/diffusion_pytorch_model.safetensors`,
    aboutBytes,
  ),
];

/** What turns text into pictures, or into a condition. */
export const textReleases: readonly Release[] = [
  {
    name: 'text-encoder',
    description: "CLIP's text tower and tokenizer of LCM Dreamshaper",
    parts: [
      {
        title: 'LCM Dreamshaper v7 (text encoder)',
        origin: 'https://huggingface.co/SimianLuo/LCM_Dreamshaper_v7',
        licence: {
          name: 'MIT',
          url: 'https://opensource.org/license/mit',
          terms: 'as its page says; it is made from Stable Diffusion 1.5, under Open RAIL-M',
        },
        files: tower('lcm', 'SimianLuo/LCM_Dreamshaper_v7', 492e6),
      },
    ],
  },
  {
    name: 'sd-turbo',
    description: 'SD Turbo: text to image in four Euler steps',
    parts: [
      {
        title: 'SD Turbo',
        origin: 'https://huggingface.co/stabilityai/sd-turbo',
        licence: stability,
        files: [
          file(
            'sd-turbo/scheduler/scheduler_config.json',
            'hf:stabilityai/sd-turbo/scheduler/scheduler_config.json',
            1000,
          ),
          ...network('sd-turbo/vae', 'hf:stabilityai/sd-turbo/vae', 335e6),
          ...network('sd-turbo/unet', 'hf:stabilityai/sd-turbo/unet', 3.46e9),
          ...tower('sd-turbo', 'stabilityai/sd-turbo', 1.36e9),
        ],
      },
    ],
  },
];
