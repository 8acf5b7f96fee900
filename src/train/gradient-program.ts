/**
 * From a loss to sessions that compute it and its gradients: one session where everything fits, or a forward and a
 * backward session for each segment.
 */

import { graphFlops } from '../graph/cost.ts';
import { vectorJacobianProduct } from '../graph/gradient/gradient.ts';
import { parametersOf, rewriteGraph, topologicalOrder } from '../graph/graph.ts';
import type { BindParameter, OnnxModel } from '../graph/onnx/emit-model.ts';
import { add, constant, input } from '../graph/ops.ts';
import { shareEqualValues } from '../graph/passes/share-equal-values.ts';
import { isOp, type Value } from '../graph/value.ts';
import { prefixOf } from '../nn/parameter-scope.ts';
import type { Tensors } from '../runtime/runtime.ts';
import type { HostTensor } from '../tensor/host-tensor.ts';
import { type Emission, emitForDevice } from './emission.ts';
import { cutIntoSegments } from './segments.ts';

export interface GradientProgramOptions extends Emission {
  /** Shown in errors and profiles. */
  readonly name: string;
  /** What is minimised, a scalar. */
  readonly loss: Value;
  /** Further values to compute, such as the loss's terms and the image. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Names of the parameters whose gradients are wanted; they are fed at every run, the others are bound. */
  readonly trained: ReadonlySet<string>;
  readonly bind: BindParameter;
  /** Most bytes that the values of one segment may take; everything is one segment unless given. */
  readonly activationBytes?: number | undefined;
}

/** One session's part of a step. */
export interface ProgramPart {
  readonly model: OnnxModel;
  readonly direction: 'forward' | 'backward';
  /** Arithmetic as defined, before any rewriting. */
  readonly flops: number;
  /** Prefixes of the parameters it reads, such as `unet`. */
  readonly networks: readonly string[];
}

export interface GradientProgram {
  /** In the order they run. */
  readonly parts: readonly ProgramPart[];
  /** The wanted values' names, the loss as `loss`, and under which name each is known: some are inputs. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** A program without gradients; `outputs` are computed segment by segment. */
export function buildForwardProgram({
  outputs,
  ...options
}: Omit<GradientProgramOptions, 'loss' | 'trained'>): GradientProgram {
  return buildProgram({ ...options, trained: new Set() }, outputs, undefined);
}

const accumulatedPrefix = 'accumulated/';
const gradientPrefix = 'gradient/';
const crossingPrefix = 'crossing/';
const crossingGradientPrefix = 'crossing-gradient/';

/**
 * Gradients are accumulated: a part takes `accumulated/<parameter>` and gives `gradient/<parameter>`, its own share
 * added, so that segments, micro-batches and losses add up in one buffer.
 */
export function buildGradientProgram({ loss, outputs, ...options }: GradientProgramOptions): GradientProgram {
  return buildProgram(options, { ...outputs, loss }, 'loss');
}

/** @param lossName which of `outputs` is differentiated; it must come last */
function buildProgram(
  {
    name,
    trained,
    bind,
    activationBytes = Number.POSITIVE_INFINITY,
    ...emission
  }: Omit<GradientProgramOptions, 'loss' | 'outputs'>,
  outputs: Readonly<Record<string, Value>>,
  lossName: string | undefined,
): GradientProgram {
  const wanted: Record<string, Value> = shareEqualValues(outputs);
  const loss = lossName === undefined ? undefined : wanted[lossName]!;
  const { segments, segmentOf } = cutIntoSegments(Object.values<Value>(wanted), activationBytes);
  const isTrained = (value: Value): boolean => isOp(value, 'Parameter') && trained.has(value.attributes.name);
  const active = new Set<Value>();
  for (const value of topologicalOrder(Object.values<Value>(wanted)))
    if (isTrained(value) || value.inputs.some((source) => active.has(source))) active.add(value);
  const contributing = new Set(topologicalOrder(loss ? [loss] : []));
  const needsGradient = (value: Value): boolean => active.has(value) && contributing.has(value);

  const crossings = crossingValues(segments, segmentOf);
  const bindTrained: BindParameter = (parameter, shape) =>
    trained.has(parameter) ? { kind: 'input' } : bind(parameter, shape);
  const parts: ProgramPart[] = [];
  const emit = (
    segment: number,
    direction: ProgramPart['direction'],
    values: Record<string, Value>,
  ): void => {
    parts.push({
      model: emitForDevice(`${name}.${direction}${segment}`, values, bindTrained, emission),
      direction,
      flops: graphFlops(Object.values(values)),
      networks: [
        ...new Set([...parametersOf(Object.values(values)).keys()].map((key) => prefixOf(key))),
      ].sort(),
    });
  };

  /** The loss comes last in the order; its segment runs once, backward. */
  const last = loss ? segments.length - 1 : -1;
  const bodies = segments.map((_, segment) => segmentBody(segment, segmentOf, crossings, wanted));
  bodies.forEach((body, segment) => {
    const forward = { ...body.wanted, ...body.crossing };
    if (segment !== last && Object.keys(forward).length > 0) emit(segment, 'forward', forward);
  });
  for (let segment = last; segment >= 0; segment--) {
    const body = bodies[segment]!;
    const seeds = Object.entries(body.crossing)
      .filter(([crossing]) => needsGradient(crossings.get(crossing)!))
      .map(([crossing, value]) => ({
        value,
        gradient: input(crossing.replace(crossingPrefix, crossingGradientPrefix), value.shape),
      }));
    if (segment === last)
      seeds.push({ value: body.wanted[lossName!]!, gradient: constant([], [1]) as never });
    const graph = seeds.map(({ value }) => value);
    const parameters = [...parametersOf(graph).values()].filter(isTrained);
    const sources = topologicalOrder(graph).filter(
      (value): value is Value<'Input'> =>
        isOp(value, 'Input') &&
        crossings.has(value.attributes.name) &&
        needsGradient(crossings.get(value.attributes.name)!),
    );
    if (parameters.length + sources.length === 0) continue;
    const gradients = vectorJacobianProduct(seeds, [...parameters, ...sources]);
    const results: Record<string, Value> = segment === last ? { ...body.wanted } : {};
    parameters.forEach((parameter, i) => {
      const { name: key } = parameter.attributes;
      const accumulated = input(accumulatedPrefix + key, parameter.shape);
      results[gradientPrefix + key] = add(accumulated, gradients[i]!);
    });
    sources.forEach((source, i) => {
      const gradientName = source.attributes.name.replace(crossingPrefix, crossingGradientPrefix);
      results[gradientName] = gradients[parameters.length + i]!;
    });
    emit(segment, 'backward', results);
  }
  const knownAs = ([key, value]: [string, Value]): [string, string] => [
    key,
    isOp(value, 'Input') ? value.attributes.name : key,
  ];
  return { parts, outputs: new Map(Object.entries(wanted).map(knownAs)) };
}

/** Values computed in one segment and used in a later one, by the name they cross under. */
function crossingValues(
  segments: readonly (readonly Value[])[],
  segmentOf: ReadonlyMap<Value, number>,
): Map<string, Value> {
  const crossing = new Set<Value>();
  segments.forEach((values, segment) => {
    for (const value of values)
      for (const source of value.inputs)
        if ((segmentOf.get(source) ?? segment) < segment) crossing.add(source);
  });
  return new Map([...crossing].map((value, i) => [crossingPrefix + i, value]));
}

/** What a segment gives, with inputs in place of what earlier segments computed. */
function segmentBody(
  segment: number,
  segmentOf: ReadonlyMap<Value, number>,
  crossings: ReadonlyMap<string, Value>,
  wanted: Readonly<Record<string, Value>>,
): { wanted: Record<string, Value>; crossing: Record<string, Value> } {
  const own = (entries: Iterable<[string, Value]>): [string, Value][] =>
    [...entries].filter(([, value]) => segmentOf.get(value) === segment);
  const ownWanted = own(Object.entries(wanted));
  const ownCrossing = own(crossings);
  const stands = new Map(
    [...crossings]
      .filter(([, value]) => segmentOf.get(value)! < segment)
      .map(([crossing, value]) => [value, input(crossing, value.shape)] as const),
  );
  const body: Record<string, Value> = rewriteGraph(
    Object.fromEntries([...ownWanted, ...ownCrossing]),
    (value) => stands.get(value),
  );
  const pick = (entries: readonly [string, Value][]): Record<string, Value> =>
    Object.fromEntries(entries.map(([key]) => [key, body[key]!]));
  return { wanted: pick(ownWanted), crossing: pick(ownCrossing) };
}

/** Runs a loaded part; `outputs` are tensors to write into. */
type RunPart = (part: ProgramPart, feeds: Tensors, outputs: Tensors) => Promise<Tensors>;

/**
 * Computes the program's values and adds its gradients to `gradients`.
 * @param feeds inputs of the loss, and every trained parameter by name
 * @param gradients by parameter name; changed
 * @returns the wanted values, the loss as `loss`
 */
export async function runGradientProgram(
  program: GradientProgram,
  runPart: RunPart,
  feeds: Tensors,
  gradients: Tensors,
): Promise<Tensors> {
  const known: Record<string, HostTensor> = { ...feeds };
  for (const [parameter, tensor] of Object.entries(gradients)) known[accumulatedPrefix + parameter] = tensor;
  for (const part of program.parts) {
    const inPlace: Record<string, HostTensor> = {};
    for (const output of part.model.outputs.keys())
      if (output.startsWith(gradientPrefix))
        inPlace[output] = gradients[output.slice(gradientPrefix.length)]!;
    const results = await runPart(part, known, inPlace);
    for (const [result, tensor] of Object.entries(results)) {
      const sum = result.startsWith(crossingGradientPrefix) ? known[result] : undefined;
      if (sum) for (let i = 0; i < sum.data.length; i++) sum.data[i]! += tensor.data[i]!;
      else known[result] = tensor;
    }
  }
  return Object.fromEntries([...program.outputs].map(([output, name]) => [output, known[name]!]));
}
