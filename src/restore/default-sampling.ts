/** How the published model is sampled, where neither the caller nor the checkpoint says. */
export const defaultSampling = {
  steps: 4,
  startStep: 2,
  guidanceScale: 8,
  colorFix: 'wavelet',
  /** Of models whose decoder sees the photo. */
  fidelity: 1,
} as const;
