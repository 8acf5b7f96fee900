/**
 * The files that the authors of each network have published: where they are, how large, under which licence.
 * SHA-256 digests and exact sizes stand here only where independent sources agree on them.
 */

import type { Licence, Release, ReleasedFile, ReleasedPart } from './release.ts';
import { metricReleases, textReleases } from './released-metrics.ts';
import { rivalReleases } from './released-rivals.ts';

/** Where `download` writes unless it is told otherwise. */
export const downloadFolder = 'weights';

const openRail: Licence = {
  name: 'CreativeML Open RAIL-M',
  url: 'https://huggingface.co/spaces/CompVis/stable-diffusion-license',
  terms: 'commercial use allowed; harmful uses listed in the licence are not',
};
const mit: Licence = {
  name: 'MIT',
  url: 'https://opensource.org/license/mit',
  terms: 'any use, with the notice kept',
};

const lcmRepository = 'hf:SimianLuo/LCM_Dreamshaper_v7';
const diffusersWeights = 'diffusion_pytorch_model.safetensors';
const halfWeights = 'diffusion_pytorch_model.fp16.safetensors';

/** A folder with a network and its config, as the diffusers library lays it out. */
function diffusersNetwork(
  folder: string,
  source: string,
  { half, ...known }: Pick<ReleasedFile, 'aboutBytes' | 'likelySha256'> & { half: 'published' | 'none' },
): ReleasedFile[] {
  return [
    { path: `${folder}/config.json`, sources: [`${source}/config.json`], aboutBytes: 2000 },
    {
      path: `${folder}/${diffusersWeights}`,
      sources: [`${source}/${diffusersWeights}`],
      ...known,
      half: {
        path: `${folder}/${halfWeights}`,
        sources: half === 'published' ? [`${source}/${halfWeights}`] : [],
      },
    },
  ];
}

const lcm: ReleasedPart = {
  title: 'LCM Dreamshaper v7 (UNet, VAE, schedule)',
  origin: 'https://huggingface.co/SimianLuo/LCM_Dreamshaper_v7',
  licence: { ...mit, terms: 'as its page says; it is made from Stable Diffusion 1.5, under Open RAIL-M' },
  files: [
    {
      path: 'lcm/scheduler/scheduler_config.json',
      sources: [`${lcmRepository}/scheduler/scheduler_config.json`],
      aboutBytes: 1000,
    },
    ...diffusersNetwork('lcm/vae', `${lcmRepository}/vae`, {
      aboutBytes: 335e6,
      likelySha256: '6bb865b3…9c2d',
      half: 'none',
    }),
    ...diffusersNetwork('lcm/unet', `${lcmRepository}/unet`, {
      aboutBytes: 3.44e9,
      likelySha256: '7be468469c513f8614a73423aa009581295fbd8c903703450632b2275c0145a9',
      half: 'none',
    }),
  ],
};

const clip: ReleasedPart = {
  title: 'CLIP ViT-B/16',
  origin: 'https://huggingface.co/openai/clip-vit-base-patch16',
  licence: mit,
  files: [
    {
      path: 'clip/config.json',
      sources: ['hf:openai/clip-vit-base-patch16/config.json'],
      aboutBytes: 4000,
    },
    {
      path: 'clip/pytorch_model.bin',
      sources: ['hf:openai/clip-vit-base-patch16/pytorch_model.bin'],
      aboutBytes: 599e6,
      likelySha256: 'ec89c7b0…cfbf0',
    },
  ],
};

const interlcmRelease = 'https://github.com/sen-mao/InterLCM/releases';

/** The two encoders of one InterLCM model. */
function encoders(title: string, suffix: string): ReleasedPart {
  const file = (kind: string, aboutBytes: number): ReleasedFile => ({
    path: `interlcm/${kind}_encoder${suffix}.pth`,
    sources: [
      `${interlcmRelease}/download/v0.1.0/${kind}_encoder${suffix}.pth`,
      `hf:senmaonk/InterLCM/weights/${kind}_encoder${suffix}.pth`,
    ],
    aboutBytes,
  });
  return {
    title,
    origin: `${interlcmRelease}/tag/v0.1.0`,
    licence: {
      name: 'CC BY-NC 4.0',
      url: 'https://creativecommons.org/licenses/by-nc/4.0/',
      terms: 'NOT for commercial use without permission of its authors; name them',
    },
    files: [file('visual', 52e6), file('spatial', 1.445e9)],
  };
}

const codeformer = 'https://github.com/sczhou/CodeFormer/releases/download/v0.1.0';
const facexlib = 'https://github.com/xinntao/facexlib/releases/download';
const realEsrgan = 'https://github.com/xinntao/Real-ESRGAN/releases/download';

const retinaFace = (file: Pick<ReleasedFile, 'bytes' | 'sha256'> & { name: string }): ReleasedPart => ({
  title: 'RetinaFace',
  origin: 'https://github.com/biubug6/Pytorch_Retinaface',
  licence: mit,
  files: [
    {
      path: `face/${file.name}`,
      sources: [`${facexlib}/v0.1.0/${file.name}`, `${codeformer}/${file.name}`],
      aboutBytes: file.bytes!,
      bytes: file.bytes,
      sha256: file.sha256,
    },
  ],
});

const upscaler = (version: string, name: string, bytes: number, sha256: string): ReleasedPart => ({
  title: 'Real-ESRGAN',
  origin: 'https://github.com/xinntao/Real-ESRGAN',
  licence: {
    name: 'BSD 3-Clause',
    url: 'https://github.com/xinntao/Real-ESRGAN/blob/master/LICENSE',
    terms: 'any use, with the notice kept',
  },
  files: [
    {
      path: `background/${name}`,
      sources: [`${realEsrgan}/${version}/${name}`],
      aboutBytes: bytes,
      bytes,
      sha256,
    },
  ],
});

/** Of the published sizes; the table in README says how they were measured. */
const transformedBytes = { fast: 6.7e9, balanced: 2.8e9, low: 1.2e9 };

/** Everything that can be asked for. */
export const releases: readonly Release[] = [
  {
    name: 'interlcm-3step',
    description: 'restores faces; the published model',
    parts: [encoders('InterLCM, three steps', '_3step'), lcm, clip],
    transformedBytes,
  },
  {
    name: 'interlcm-1step',
    description: 'restores faces in one step: faster, a little less detail',
    parts: [encoders('InterLCM, one step', '_1step'), lcm, clip],
    transformedBytes,
  },
  {
    name: 'colorization',
    description: 'gives gray faces colours',
    parts: [encoders('InterLCM colorization, one step', '_colorization_1step'), lcm, clip],
    transformedBytes,
  },
  {
    name: 'inpainting',
    description: 'fills in what is painted white',
    parts: [encoders('InterLCM inpainting, one step', '_inpainting_1step'), lcm, clip],
    transformedBytes,
  },
  {
    name: 'detector',
    description: 'finds faces, as the published pipeline does: RetinaFace with ResNet-50',
    parts: [
      retinaFace({
        name: 'detection_Resnet50_Final.pth',
        bytes: 109_497_761,
        sha256: '6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d',
      }),
    ],
  },
  {
    name: 'detector-small',
    description: 'finds faces faster, fewer of them: RetinaFace with MobileNet-0.25',
    parts: [
      retinaFace({
        name: 'detection_mobilenet0.25_Final.pth',
        bytes: 1_789_735,
        sha256: '2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220',
      }),
    ],
  },
  {
    name: 'parser',
    description: 'tells skin, hair and background apart: ParseNet',
    parts: [
      {
        title: 'ParseNet of facexlib',
        origin: 'https://github.com/xinntao/facexlib',
        licence: {
          ...mit,
          terms: 'of the code; the licence of the weights and of their data (CelebAMask-HQ) is not stated',
        },
        files: [
          {
            path: 'face/parsing_parsenet.pth',
            sources: [`${facexlib}/v0.2.2/parsing_parsenet.pth`, `${codeformer}/parsing_parsenet.pth`],
            aboutBytes: 85_331_193,
            bytes: 85_331_193,
            sha256: '3d558d8d0e42c20224f13cf5a29c79eba2d59913419f945545d8cf7b72920de2',
          },
        ],
      },
    ],
  },
  {
    name: 'upscaler-2x',
    description: 'enlarges backgrounds to twice their size: Real-ESRGAN x2plus',
    parts: [
      upscaler(
        'v0.2.1',
        'RealESRGAN_x2plus.pth',
        67_061_725,
        '49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb',
      ),
    ],
  },
  {
    name: 'upscaler-4x',
    description: 'enlarges backgrounds to four times their size: Real-ESRGAN x4plus',
    parts: [
      upscaler(
        'v0.1.0',
        'RealESRGAN_x4plus.pth',
        67_040_989,
        '4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1',
      ),
    ],
  },
  {
    name: 'sd15-unet',
    description: 'Stable Diffusion 1.5, to start the training of a spatial encoder from',
    parts: [
      {
        title: 'Stable Diffusion 1.5 (UNet)',
        origin: 'https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5',
        licence: openRail,
        files: diffusersNetwork('sd15/unet', 'hf:stable-diffusion-v1-5/stable-diffusion-v1-5/unet', {
          aboutBytes: 3.44e9,
          half: 'published',
        }),
      },
    ],
  },
  ...metricReleases,
  ...rivalReleases,
  ...textReleases,
];
