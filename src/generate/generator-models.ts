/** The generators there are, by the folder of the checkpoint that holds each. */

/** LCM Dreamshaper, which InterLCM restores with, and SD Turbo. */
export const generatorModels = ['lcm', 'sd-turbo'] as const;
export type GeneratorModel = (typeof generatorModels)[number];
