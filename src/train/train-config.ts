/** What a training run is made of, as one JSON file. */

import { z } from 'zod';
import { describeIssues } from '../failure/schema-issues.ts';
import { colorFixes } from '../image/color-fix.ts';
import { defaultSampling } from '../restore/default-sampling.ts';
import { networkNames } from '../restore/networks.ts';
import { scheduleSchema } from './learning-rate.ts';

/** Parts of a network's own config, checked when they are joined with what a checkpoint says. */
const settings = z.record(z.string(), z.unknown()).optional();
const count = z.number().int().positive();
const weight = z.number().nonnegative();
const fraction = z.number().min(0).max(1);
/** The iteration from which a loss counts; they count from 1. */
const from = count.default(1);

const optimizerSchema = z.strictObject({
  learningRate: z.number().positive(),
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.99]),
  epsilon: z.number().positive().default(1e-8),
  /** Decoupled, as in AdamW; 0 is Adam. */
  weightDecay: z.number().nonnegative().default(0),
  maxGradientNorm: z.number().positive().optional(),
  /** Weights of convolutions and linear layers take Muon's steps, all else Adam's. */
  muon: z
    .strictObject({
      momentum: z.number().min(0).lt(1).default(0.95),
      /** Their learning rate over the others'. */
      rateFactor: z.number().positive().default(1),
    })
    .optional(),
  schedule: scheduleSchema.default({ type: 'constant' }),
  warmupIterations: z.number().int().nonnegative().default(0),
});

/** A part of an image, in fractions of its sides. */
const box = z.strictObject({ left: fraction, top: fraction, right: fraction, bottom: fraction });

/** The networks that perceptual losses compare images by. */
const perceptualSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('lpips'),
    weight,
    from,
    /** torchvision's VGG16 and the lpips package's linear layers. */
    vgg: z.string(),
    linear: z.string(),
    doubleNormalisation: z.boolean().default(false),
  }),
  z.strictObject({
    kind: z.literal('vgg19'),
    weight,
    from,
    /** torchvision's VGG19. */
    vgg: z.string(),
    /** Weights of layers such as `conv3_4`. */
    layers: z.record(z.string(), z.number().positive()).optional(),
  }),
  z.strictObject({
    kind: z.literal('face'),
    weight,
    from,
    /** Keys of the residual blocks whose outputs are compared. */
    stages: z.array(z.string()).optional(),
    /** Weight of the identity descriptors' squared distance. */
    descriptorWeight: z.number().nonnegative().optional(),
    /** Weight of the distance between the means of the blocks' outputs over 4 × 4 regions. */
    textureWeight: z.number().nonnegative().optional(),
    /** Keys of the blocks of which these means are compared; `stages` unless given. */
    textureStages: z.array(z.string()).optional(),
    /** The part of the images that is compared, in fractions of their sides; an aligned image's face unless given. */
    box: box.optional(),
  }),
]);

/** How far two faces' persons are apart, by a face descriptor that comes as a graph model of TensorFlow.js. */
const identitySchema = z.strictObject({
  weight,
  from,
  /** The model's JSON, with its weights beside it. */
  model: z.string().min(1),
  /** The node that gives the descriptor; the last one unless given. */
  output: z.string().optional(),
  /** The part of the images that it sees; what ArcFace sees of an aligned face unless given. */
  box: box.optional(),
});

const adversarialSchema = z.strictObject({
  weight,
  from,
  ndf: count.default(64),
  n_layers: count.default(4),
  /** Of its layers: by batch, as published, or of the weights (spectral normalisation). */
  normalization: z.enum(['batch', 'spectral']).default('batch'),
  /** Weight of the distance between what its layers make of the restored images and of the true ones. */
  featureMatching: z.number().nonnegative().default(0),
  /** Parts of the images that are judged, all of one size, such as the eyes; the whole images unless given. */
  boxes: z.array(box).min(1).optional(),
  optimizer: optimizerSchema,
});

const lossesSchema = z.strictObject({
  l1: z.strictObject({ weight, from }).optional(),
  mse: z.strictObject({ weight, from }).optional(),
  psnr: z.strictObject({ weight, from }).optional(),
  ssim: z.strictObject({ weight, from }).optional(),
  grid: z.strictObject({ weight, from }).optional(),
  kl: z.strictObject({ weight, from }).optional(),
  perceptual: perceptualSchema.optional(),
  identity: identitySchema.optional(),
  adversarial: adversarialSchema.optional(),
});

const degradationSchema = z.strictObject({
  preset: z.enum(['mild', 'standard', 'severe']),
  share: z.number().positive(),
});

/** A text as the condition of every sample: by the start checkpoint's text tower ('' is the null text), or stored. */
const textConditionSchema = z.union([
  z.strictObject({ text: z.string() }),
  /** A safetensors file. */
  z.strictObject({ embedding: z.string().min(1) }),
]);
type TextConditionSettings = z.output<typeof textConditionSchema>;

/** What the context is made of: the good image, the degraded one, nothing, or a text. */
const conditionSchema = z.union([z.enum(['high', 'low', 'none']), textConditionSchema]);
export type Condition = z.output<typeof conditionSchema>;

/** How far a view of an image is from the image, at most. */
const viewSchema = z.strictObject({
  /** Enlarged or shrunk by this fraction about the middle. */
  zoom: z.number().min(0).max(0.5).default(0),
  /** Moved by so many pixels up or down and left or right. */
  translation: z.number().nonnegative().default(0),
  /** Differences of brightness multiplied by 1 ± this. */
  contrast: fraction.default(0),
  /** Values in [-1, 1] raised or lowered by this. */
  light: fraction.default(0),
});

/** Settings of each stage beyond what all share. */
const stageSchemas = [
  z.strictObject({
    stage: z.literal('autoencoder'),
    /** What is encoded: the good image, or the degraded one, to restore it by plain regression. */
    input: z.enum(['high', 'low']).default('high'),
  }),
  z.strictObject({
    stage: z.literal('diffusion'),
    condition: conditionSchema.default('high'),
    /** Part of the samples that see no condition. */
    conditionDropout: z.number().min(0).max(1).default(0.1),
    /** Whether a spatial encoder on the degraded image takes part (ControlNet). */
    control: z.boolean().default(false),
  }),
  z.strictObject({
    stage: z.literal('consistency'),
    condition: conditionSchema.default('high'),
    conditionDropout: z.number().min(0).max(1).default(0),
    /** Timesteps of the teacher's solver; a step of the loss skips this much of the schedule. */
    solverSteps: count.default(50),
    /** Guidance scales are drawn from this range. */
    guidance: z.tuple([z.number(), z.number()]).default([2, 14]),
    loss: z.enum(['l2', 'huber']).default('huber'),
    huberDelta: z.number().positive().default(0.001),
  }),
  z.strictObject({
    stage: z.literal('interlcm'),
    steps: count.default(defaultSampling.steps),
    startStep: count.default(defaultSampling.startStep),
    guidanceScale: z.number().default(defaultSampling.guidanceScale),
    /** What the checkpoint says of the results' colours; the losses see them unfixed. */
    colorFix: z.enum(colorFixes).default(defaultSampling.colorFix),
    /** How far results follow the photo, where the decoder sees it: what validation uses and the checkpoint says. */
    fidelity: fraction.default(defaultSampling.fidelity),
    /** Training draws it from here for each image; as `fidelity` says unless given. */
    fidelityRange: z.tuple([fraction, fraction]).optional(),
    /** What the context is made of: the degraded image, or a text, as in the paper's table 2, experiments 2 and 3. */
    condition: z.union([z.literal('low'), textConditionSchema]).default('low'),
    /** Ablations: without them the context is zero, and the UNet gets no residuals. */
    visualEncoder: z.boolean().default(true),
    spatialEncoder: z.boolean().default(true),
  }),
] as const;

const sharedSchema = z.strictObject({
  /** Where each number comes from; for readers. */
  notes: z.record(z.string(), z.string()).default({}),
  seed: z.number().int().nonnegative().default(0),
  /** Scale of random weights: 1 as PyTorch's layers have them, √3 to keep a signal's variance. */
  initialGain: z.number().positive().default(1),
  iterations: count,
  /** Networks whose weights change. */
  train: z.array(z.enum(networkNames)).min(1),
  /** Sizes of networks that start from random weights, or settings changed in those that are given. */
  networks: z
    .strictObject({
      unet: settings,
      vae: settings,
      clip: settings,
      visualEncoder: settings,
      spatialEncoder: settings,
      scheduler: settings,
    })
    .default({}),
  data: z.strictObject({
    /** Side of the images that the networks see. */
    size: count,
    /** Side of the image that is degraded, before it is resized to `size`. */
    canvas: count.default(512),
    batch: count,
    flip: z.boolean().default(true),
    /** Whether the image encoder sees the whole degraded picture where the others see a part; of the interlcm stage. */
    wholeContext: z.boolean().default(false),
    crop: z.enum(['center', 'random']).default('center'),
    minCrop: z.number().positive().max(1).default(1),
    maxCrop: z.number().positive().max(1).default(1),
    degradation: z
      .array(degradationSchema)
      .min(1)
      .default([{ preset: 'standard', share: 1 }]),
    /** How pictures that are to be degraded are varied first; pairs stay as they are. */
    variation: z
      .strictObject({
        gray: fraction.default(0),
        exposure: z.number().min(0).max(2).default(0),
        tint: z.number().min(0).max(2).default(0),
        recompression: fraction.default(0),
        resampling: fraction.default(0),
        overlay: fraction.default(0),
      })
      .optional(),
    /** Threads that make batches; 0: the one that trains. What they make does not depend on it. */
    workers: z.number().int().nonnegative().default(1),
  }),
  /** Images that go through the networks at a time; gradients add up to the batch. */
  microBatch: count.optional(),
  optimizer: optimizerSchema,
  /** Decay of the running average of the weights. */
  averageDecay: z.number().min(0).lt(1).optional(),
  losses: lossesSchema,
  /** Pixels by which images are moved at most, at random, where perceptual networks and the judge see them. */
  translation: z.number().int().nonnegative().default(0),
  /** How images are varied, at random, where perceptual networks see them. */
  views: viewSchema.optional(),
  /** A step's activations beyond this many MiB are recomputed segment by segment. */
  activationMiB: count.optional(),
  /** Iterations between validations, and between saved states. */
  validateEvery: count.default(500),
  validationImages: count.default(8),
  saveEvery: count.default(500),
});

const trainConfigSchema = z.discriminatedUnion(
  'stage',
  stageSchemas.map((schema) => sharedSchema.extend(schema.shape)) as never,
) as unknown as z.ZodType<TrainConfig>;

type Shared = z.output<typeof sharedSchema>;
type StageSettings = z.output<(typeof stageSchemas)[number]>;
export type TrainConfig = Shared & StageSettings;
export type StageConfig<Stage extends TrainConfig['stage']> = Shared &
  Extract<StageSettings, { stage: Stage }>;
export type ViewSettings = z.output<typeof viewSchema>;
export type AdversarialSettings = z.output<typeof adversarialSchema>;

/** The text that a run takes as its condition, if it takes one. */
export function textConditionOf(config: TrainConfig): TextConditionSettings | undefined {
  return 'condition' in config && typeof config.condition === 'object' ? config.condition : undefined;
}

/** @throws {TypeError} naming every setting that is wrong */
export function parseTrainConfig(json: unknown, file: string): TrainConfig {
  const parsed = trainConfigSchema.safeParse(json);
  if (!parsed.success) throw new TypeError(`Cannot train by ${file}: ${describeIssues(parsed.error)}`);
  const problem = contradictionOf(parsed.data);
  if (problem) throw new TypeError(`Cannot train by ${file}: ${problem}`);
  return parsed.data;
}

/** What is wrong with settings of which each alone would do. */
function contradictionOf(config: TrainConfig): string | undefined {
  const { data, microBatch = data.batch, losses } = config;
  if (data.batch % microBatch !== 0)
    return `microBatch ${microBatch} does not divide data.batch ${data.batch}`;
  if (config.stage === 'interlcm' && config.startStep > config.steps)
    return `startStep ${config.startStep} is beyond the ${config.steps} steps there are`;
  if (config.stage === 'interlcm' && config.startStep === 1 && config.train.includes('vae'))
    return 'from startStep 1 nothing is encoded, so the saved vae would have no encoder: leave vae out of "train"';
  if (!Object.values(losses).some((loss) => loss && loss.weight > 0 && loss.from === 1))
    return 'no loss counts at the first iteration: give one of losses a weight above 0, and no "from"';
  return undefined;
}
