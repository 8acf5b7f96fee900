import { type Pixels, toFloatPixels } from '../../image/pixels.ts';
import { matchMoments } from '../../metrics/moment-match.ts';
import { psnr } from '../../metrics/psnr.ts';
import { ssim } from '../../metrics/ssim.ts';
import type { MetricsSet } from './metrics-set.ts';
import type { VerifyMetricsSet } from './set-verifier.ts';

const metrics = { psnr, ssim };

/** PSNR and SSIM as BasicSR takes them, and as VQFR's script does: after matching colours. */
export const verifyPsnrSsimSet: VerifyMetricsSet = async function* (set) {
  for (const i of set.indices((n) => `reference${n}`)) {
    const reference = await set.picture(`reference${i}`);
    const restored = await set.picture(`restored${i}`);
    const corrected = matchMoments(restored, reference);
    if (set.has(`vqfr_corrected${i}`))
      yield await set.compare(
        `vqfr_corrected${i}`,
        corrected.data.map((level) => level / 255),
      );
    for (const [name, metric] of Object.entries(metrics))
      for (const [value, parts] of valuesOf(set, `${name}.${i}.`)) {
        const [form, plane] = parts;
        const crop = /^crop(\d+)$/.exec(form ?? '');
        const picture: Pixels = form === 'vqfr' ? corrected : restored;
        const options = crop ? { cropBorder: Number(crop[1]), luma: plane === 'y' } : {};
        yield* set.value(value, metric(toFloatPixels(picture), toFloatPixels(reference), options));
      }
  }
};

/** The set's values that begin with `prefix`, and what follows it. */
function valuesOf(set: MetricsSet, prefix: string): [string, string[]][] {
  return Object.keys(set.json.values)
    .filter((name) => name.startsWith(prefix))
    .map((name) => [name, name.slice(prefix.length).split('.')]);
}
