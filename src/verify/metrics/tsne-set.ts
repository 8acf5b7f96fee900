import { z } from 'zod';
import { descend, mapError, neighbourProbabilities } from '../../metrics/tsne.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';

const specSchema = z.object({
  perplexity: z.number().positive(),
  degrees_of_freedom: z.literal(1).default(1),
});

/** t-SNE: probabilities of neighbours, a map's divergence and gradient, ten steps of descent. */
export const verifyTsneSet: VerifyMetricsSet = async function* (set) {
  const { perplexity } = set.spec(specSchema);
  const points = await set.tensor('x');
  const map = Float64Array.from((await set.tensor('y')).data);
  const probabilities = neighbourProbabilities(points.data, points.shape[0]!, perplexity);
  yield await set.compare('p', probabilities);
  const { divergence, gradient } = mapError(probabilities, map);
  yield* set.value('kl', divergence);
  yield await set.compare('gradient', gradient);
  const moved = descend(probabilities, map, { steps: 10, momentum: 0.5, learningRate: 50 });
  yield await set.compare('y10', moved);
};
