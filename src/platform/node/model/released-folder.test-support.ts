/** A stand-in of the folder of released files: their containers, keys and settings, at reduced width unless told. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encodeSafetensors } from '../../../checkpoint/safetensors-writer.ts';
import { encodeStoredZip } from '../../../checkpoint/zip-writer.ts';
import { float32ToFloat16 } from '../../../tensor/half.ts';
import { elementCount } from '../../../tensor/host-tensor.ts';
import { type FormulaSpec, formulaFiles, formulaWeight, microSpec } from '../../../verify/formula.ts';

type Shapes = ReadonlyMap<string, readonly number[]>;
type Kind = 'Float' | 'Half' | 'Long';
interface SavedTensor {
  readonly shape: readonly number[];
  readonly kind: Kind;
  readonly bytes: Uint8Array;
}
type Saved = ReadonlyMap<string, SavedTensor>;

/** Settings of the published configs that are not widths. */
const published = {
  unet: {
    _class_name: 'UNet2DConditionModel',
    _diffusers_version: '0.22.0.dev0',
    sample_size: 96,
    freq_shift: 0,
  },
  vae: {
    _class_name: 'AutoencoderKL',
    _diffusers_version: '0.22.0.dev0',
    sample_size: 768,
    force_upcast: true,
  },
  clip: { architectures: ['CLIPModel'], model_type: 'clip', projection_dim: 512, torch_dtype: 'float32' },
  scheduler: {
    _class_name: 'LCMScheduler',
    beta_end: 0.012,
    beta_schedule: 'scaled_linear',
    beta_start: 0.00085,
    clip_sample: false,
    clip_sample_range: 1.0,
    num_train_timesteps: 1000,
    original_inference_steps: 50,
    prediction_type: 'epsilon',
    steps_offset: 1,
    thresholding: false,
    timestep_spacing: 'leading',
    trained_betas: null,
  },
};

export interface ReleasedFolderOptions {
  /** Widths of the networks; `sd15Spec` has the published ones, and takes 12 GB of memory to be written. */
  readonly spec?: FormulaSpec;
  /** How torch.save wrote the encoders and CLIP. */
  readonly container?: 'zip' | 'before 1.6';
  /** Floating-point elements of the encoders. */
  readonly encoders?: 'Float' | 'Half';
  /** Put before the encoders' keys. */
  readonly wrapper?: string;
}

/** Contents by path. */
export async function releasedFiles({
  spec = microSpec,
  container = 'zip',
  encoders = 'Float',
  wrapper = '',
}: ReleasedFolderOptions = {}): Promise<Map<string, Uint8Array>> {
  const { configs, weights } = formulaFiles(spec);
  const json = (...parts: unknown[]) =>
    new TextEncoder().encode(JSON.stringify(Object.assign({}, ...parts), null, 2));
  const pretrained = (file: string) => encodeHalf(weights[file]!);
  const save = container === 'zip' ? torchZip : torchBefore16;
  const encoder = (name: 'visual' | 'spatial') => {
    const saved = formula(weights[`interlcm/${name}_encoder.safetensors`]!, encoders, wrapper);
    return save({ params: saved, params_ema: saved });
  };
  return new Map([
    ['lcm/unet/config.json', json(configs['lcm/unet/config.json'], published.unet)],
    [
      'lcm/unet/diffusion_pytorch_model.safetensors',
      await pretrained('lcm/unet/diffusion_pytorch_model.safetensors'),
    ],
    ['lcm/vae/config.json', json(configs['lcm/vae/config.json'], published.vae)],
    [
      'lcm/vae/diffusion_pytorch_model.safetensors',
      await pretrained('lcm/vae/diffusion_pytorch_model.safetensors'),
    ],
    ['lcm/scheduler/scheduler_config.json', json(published.scheduler)],
    ['clip/config.json', json(configs['clip/config.json'], published.clip)],
    ['clip/pytorch_model.bin', save(wholeClip(weights['clip/model.safetensors']!))],
    ['interlcm/visual_encoder.pth', encoder('visual')],
    ['interlcm/spatial_encoder.pth', encoder('spatial')],
  ]);
}

/** Writes them; `move` gives each its place. */
export async function writeReleasedFolder(
  root: string,
  move: (file: string) => string = (file) => file,
  options?: ReleasedFolderOptions,
): Promise<void> {
  for (const [file, content] of await releasedFiles(options)) {
    const full = path.join(root, move(file));
    await mkdir(path.dirname(full), { recursive: true });
    await writeFile(full, content);
  }
}

function bytesOf(kind: Kind, values: Float32Array): Uint8Array {
  const array = kind === 'Half' ? float32ToFloat16(values) : values;
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function formula(shapes: Shapes, kind: 'Float' | 'Half', wrapper = ''): Map<string, SavedTensor> {
  return new Map(
    [...shapes].map(([name, shape]) => {
      const key = name.slice(name.indexOf('/') + 1);
      return [wrapper + key, { shape, kind, bytes: bytesOf(kind, formulaWeight(name, shape)) }];
    }),
  );
}

async function encodeHalf(shapes: Shapes): Promise<Uint8Array> {
  const tensors = [...formula(shapes, 'Float')].map(([name, { shape, bytes }]) => ({
    name,
    dtype: 'float16' as const,
    shape,
    data: new Float32Array(bytes.buffer, bytes.byteOffset, elementCount(shape)),
  }));
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeSafetensors(tensors)) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** CLIP as the hub has it: with its text tower, its projections and the numbers of its positions. */
function wholeClip(vision: Shapes): Saved {
  const float = (...shape: number[]): SavedTensor => ({
    shape,
    kind: 'Float',
    bytes: new Uint8Array(4 * elementCount(shape)),
  });
  const positions = (count: number): SavedTensor => ({
    shape: [1, count],
    kind: 'Long',
    bytes: new Uint8Array(BigInt64Array.from({ length: count }, (_, i) => BigInt(i)).buffer),
  });
  const layer = 'text_model.encoder.layers.0';
  return new Map([
    ['logit_scale', float()],
    ['text_model.embeddings.position_ids', positions(77)],
    ['text_model.embeddings.token_embedding.weight', float(20, 8)],
    [`${layer}.self_attn.k_proj.weight`, float(8, 8)],
    [`${layer}.mlp.fc1.bias`, float(32)],
    ['text_model.final_layer_norm.weight', float(8)],
    ['vision_model.embeddings.position_ids', positions(5)],
    ...formula(vision, 'Float'),
    ['visual_projection.weight', float(8, 8)],
    ['text_projection.weight', float(8, 8)],
  ]);
}

const text = (value: string) => {
  const utf8 = Buffer.from(value);
  return Buffer.concat([Buffer.from('X'), Buffer.from(Uint32Array.of(utf8.length).buffer), utf8]);
};
const integer = (value: number) =>
  Buffer.concat([Buffer.from('J'), Buffer.from(Int32Array.of(value).buffer)]);
const opcodes = (value: string) => Buffer.from(value, 'latin1');

/** The pickle of dictionaries of tensors, and the storages that it names, in order. */
function pickled(
  top: Saved | Readonly<Record<string, Saved>>,
  legacy: boolean,
): { pickle: Buffer; storages: SavedTensor[] } {
  const storages: SavedTensor[] = [];
  const tuple = (values: readonly number[]) => [opcodes('('), ...values.map(integer), opcodes('t')];
  const tensor = (saved: SavedTensor): Buffer[] => {
    const key = String(storages.push(saved) - 1);
    const strides = saved.shape.map((_, axis) => elementCount(saved.shape.slice(axis + 1)));
    return [
      opcodes('ctorch._utils\n_rebuild_tensor_v2\n(('),
      ...[text('storage'), opcodes(`ctorch\n${saved.kind}Storage\n`), text(key), text('cpu')],
      ...[integer(elementCount(saved.shape)), opcodes(`${legacy ? 'N' : ''}tQ`), integer(0)],
      ...[...tuple(saved.shape), ...tuple(strides), opcodes('\x89ccollections\nOrderedDict\n)RtR')],
    ];
  };
  const dict = (saved: Saved): Buffer[] => [
    opcodes('ccollections\nOrderedDict\n)R('),
    ...[...saved].flatMap(([key, value]) => [text(key), ...tensor(value)]),
    opcodes('u'),
  ];
  const value =
    top instanceof Map
      ? dict(top)
      : [
          opcodes('}('),
          ...Object.entries(top).flatMap(([key, saved]) => [text(key), ...dict(saved)]),
          opcodes('u'),
        ];
  return { pickle: Buffer.concat([opcodes('\x80\x02'), ...value, opcodes('.')]), storages };
}

function torchZip(top: Saved | Readonly<Record<string, Saved>>): Uint8Array {
  const { pickle, storages } = pickled(top, false);
  const entries = [
    { name: 'archive/data.pkl', data: pickle },
    ...storages.map(({ bytes }, key) => ({ name: `archive/data/${key}`, data: bytes })),
    { name: 'archive/version', data: opcodes('3\n') },
  ];
  return new Uint8Array(Buffer.concat([...encodeStoredZip(entries)]));
}

function torchBefore16(top: Saved | Readonly<Record<string, Saved>>): Uint8Array {
  const { pickle, storages } = pickled(top, true);
  const keys = storages.map((_, key) => text(String(key)));
  return new Uint8Array(
    Buffer.concat([
      opcodes('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.'),
      ...[opcodes('\x80\x02}'), text('little_endian'), opcodes('\x88s.'), pickle],
      ...[opcodes('\x80\x02]('), ...keys, opcodes('e.')],
      ...storages.flatMap(({ shape, bytes }) => [
        Buffer.from(BigInt64Array.of(BigInt(elementCount(shape))).buffer),
        bytes,
      ]),
    ]),
  );
}
