import { z } from 'zod';
import { type EulerConfig, eulerConfigSchema, eulerSchedule } from '../../diffusion/euler-schedule.ts';
import { lcmTimesteps, type SchedulerConfig, schedulerConfigSchema } from '../../diffusion/lcm-schedule.ts';
import { sampleByConsistency } from '../../diffusion/sample-consistency.ts';
import { sampleByEuler } from '../../diffusion/sample-euler.ts';
import type { Predict } from '../../diffusion/sampler.ts';
import { guidanceEmbedding } from '../../diffusion/sinusoid.ts';
import { emitModel } from '../../graph/onnx/emit-model.ts';
import { input } from '../../graph/ops.ts';
import { timestepSinusoid } from '../../models/unet/timestep.ts';
import { buildUNet } from '../../models/unet/unet.ts';
import { type UNetConfig, unetConfigSchema } from '../../models/unet/unet-config.ts';
import { parameterScope } from '../../nn/parameter-scope.ts';
import { withSession } from '../../runtime/runtime.ts';
import { type HostTensor, hostTensor } from '../../tensor/host-tensor.ts';
import { formulaNormal } from '../formula.ts';
import type { VerifyRow } from '../report.ts';
import type { MetricsSet } from './metrics-set.ts';
import type { VerifyMetricsContext, VerifyMetricsSet } from './set-verifier.ts';
import { formulaTensors, verifyWeights } from './set-weights.ts';

const size = z.number().int().positive();
/** diffusers' own widths where the set names none. */
const unetSchema = z
  .looseObject({ block_out_channels: z.array(size).default([320, 640, 1280, 1280]) })
  .pipe(unetConfigSchema);
const specSchema = z.object({
  namespace: z.string(),
  unet: unetSchema,
  steps: size,
});

/** The UNet of Stable Diffusion 2.1's kind, and Euler's steps with it, plain and ancestral. */
export const verifyEulerSet: VerifyMetricsSet = async function* (set, context) {
  const spec = set.spec(specSchema.extend({ scheduler: eulerConfigSchema }));
  const inputs = inputsOf(set, spec.namespace);
  yield* compareInputs(set, inputs);
  const network = await prepareUNet(set, context, spec, inputs);
  yield* verifyWeights(set.json, network.tensors);
  yield* await network.run(async (predict) => [
    ...(await compareEuler(set, spec, inputs.init, predict, 'euler')),
    ...(await compareEuler(set, spec, inputs.init, predict, 'ancestral')),
  ]);
};

async function compareEuler(
  set: MetricsSet,
  { namespace, scheduler, steps }: { namespace: string; scheduler: EulerConfig; steps: number },
  init: HostTensor,
  predict: Predict,
  kind: 'euler' | 'ancestral',
): Promise<VerifyRow[]> {
  const rows: VerifyRow[] = [];
  const check = async (name: string, values: ArrayLike<number>): Promise<void> => {
    if (set.has(`${kind}.${name}`)) rows.push(await set.compare(`${kind}.${name}`, values));
  };
  const { timesteps, sigmas, initialScale } = eulerSchedule(scheduler, steps);
  await check('timesteps', timesteps);
  await check('sigmas', sigmas);
  await check(
    'latents0',
    init.data.map((x) => x * initialScale),
  );
  const noise = (step: number): Float32Array =>
    formulaNormal(`${namespace}/noise${step - 1}`, init.shape).data;
  const source = { init: init.data, predict, ...(kind === 'ancestral' && { noise }) };
  await sampleByEuler(scheduler, steps, source, {
    async onStep({ step, input: scaled, prediction, clean, latents }) {
      await check(`input${step - 1}`, scaled);
      await check(`eps${step - 1}`, prediction);
      await check(`x0_${step - 1}`, clean);
      await check(`latents${step}`, latents);
    },
  });
  return rows;
}

/** The latent consistency model from pure noise: its four states. */
export const verifyLcmSet: VerifyMetricsSet = async function* (set, context) {
  const spec = set.spec(specSchema.extend({ scheduler: schedulerConfigSchema, guidance_scale: z.number() }));
  const inputs = inputsOf(set, spec.namespace);
  yield* compareInputs(set, inputs);
  const guidanceWidth = spec.unet.time_cond_proj_dim;
  const embedded = guidanceWidth ? guidanceEmbedding(spec.guidance_scale, guidanceWidth) : undefined;
  if (embedded && set.has('guidance_embedding')) yield await set.compare('guidance_embedding', embedded);
  yield await set.compare('timesteps', lcmTimesteps(spec.scheduler, spec.steps));
  const network = await prepareUNet(set, context, spec, inputs, embedded);
  yield* verifyWeights(set.json, network.tensors);
  yield* await network.run((predict) => compareConsistency(set, spec, inputs.init, predict));
};

async function compareConsistency(
  set: MetricsSet,
  { namespace, scheduler, steps }: { namespace: string; scheduler: SchedulerConfig; steps: number },
  init: HostTensor,
  predict: Predict,
): Promise<VerifyRow[]> {
  const rows: VerifyRow[] = [];
  const check = async (name: string, values: Float32Array): Promise<void> => {
    if (set.has(name)) rows.push(await set.compare(name, values));
  };
  const noise = (step: number): Float32Array =>
    formulaNormal(`${namespace}/noise${step - 1}`, init.shape).data;
  await sampleByConsistency(
    scheduler,
    steps,
    { init: init.data, noise, predict },
    {
      async onStep({ step, prediction, clean, latents }) {
        await check(`eps${step - 1}`, prediction);
        await check(`denoised${step - 1}`, clean);
        await check(`latents${step}`, latents);
      },
    },
  );
  return rows;
}

/** A UNet of the published size, one pass. */
export const verifyFullUNetSet: VerifyMetricsSet = async function* (set, context) {
  const spec = set.spec(specSchema.omit({ steps: true }).extend({ timestep: z.number() }));
  const shape = set.json.tensors['eps']?.shape ?? [1, 4, 64, 64];
  const inputs = {
    init: formulaNormal(`${spec.namespace}/x`, shape),
    context: formulaNormal(`${spec.namespace}/context`, [1, 77, spec.unet.cross_attention_dim]),
  };
  const network = await prepareUNet(set, context, spec, inputs);
  yield* verifyWeights(set.json, network.tensors);
  yield* await network.run(async (predict) => [
    await set.compare('eps', await predict(inputs.init.data, spec.timestep)),
  ]);
};

interface UNetInputs {
  readonly init: HostTensor;
  readonly context: HostTensor;
}

/** Noise and context by the rule. */
function inputsOf(set: MetricsSet, namespace: string): UNetInputs {
  const make = (name: string): HostTensor =>
    formulaNormal(`${namespace}/${name}`, set.json.tensors[name]?.shape ?? []);
  return { init: make('init'), context: make('context') };
}

async function* compareInputs(set: MetricsSet, inputs: UNetInputs): AsyncGenerator<VerifyRow> {
  for (const [name, { data }] of Object.entries(inputs)) yield await set.compare(name, data);
}

/** The weights that the network needs, and a way to run it. */
async function prepareUNet(
  set: MetricsSet,
  { runtime, bind }: VerifyMetricsContext,
  { namespace, unet }: { namespace: string; unet: UNetConfig },
  { init, context }: UNetInputs,
  guidance?: Float32Array,
) {
  const batch = init.shape[0]!;
  const eps = buildUNet(parameterScope(namespace), unet, {
    latents: input('latents', init.shape),
    timestep: input('timestep', [batch, unet.block_out_channels[0]!]),
    context: input('context', context.shape),
    ...(guidance && { guidance: input('guidance', [batch, guidance.length]) }),
  });
  const tensors = formulaTensors(set.json, [eps]);
  const model = emitModel('UNet', { eps }, await bind(tensors));
  return {
    tensors,
    run: (use: (predict: Predict) => Promise<VerifyRow[]>): Promise<VerifyRow[]> =>
      withSession(runtime, model, (session) =>
        use(async (latents, t) => {
          const results = await session.run({
            latents: hostTensor(init.shape, latents),
            timestep: hostTensor([batch, unet.block_out_channels[0]!], timestepSinusoid(unet, t)),
            context,
            ...(guidance && { guidance: hostTensor([batch, guidance.length], guidance) }),
          });
          return results['eps']!.data;
        }),
      ),
  };
}
