/** What the worker does, one function for each call of the page. */

import type { CallName, Calls } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { locateFaces } from './locate-faces.ts';
import { networksFor } from './networks.ts';
import { pictureOf } from './open-photo.ts';
import { measureIdentity, restoreAligned, restoreFacesOf } from './restore-photo.ts';
import { savePicture } from './save-picture.ts';
import { findFacesThere, restoreAlignedThere, restoreFacesThere } from './service-photo.ts';

export type CallHandlers = {
  readonly [Name in CallName]: (
    asked: Calls[Name]['asked'],
    tools: CallTools,
  ) => Promise<Calls[Name]['answer']>;
};

export const calls: CallHandlers = {
  find: ({ photo, model }, tools) =>
    model.kind === 'service'
      ? findFacesThere(photo, model, tools)
      : locateFaces(photo, networksFor(model, tools), tools),
  async locate({ photo, model, box }, tools) {
    // The service takes the box itself.
    if (model.kind === 'service') return { box, score: 1, landmarks: [] as never };
    const detector = await networksFor(model, tools).detector();
    return detector.locate((await pictureOf(photo, tools)).pixels, box);
  },
  restore: (asked, tools) =>
    asked.model.kind === 'service'
      ? restoreFacesThere(asked, asked.model, tools)
      : restoreFacesOf(asked, networksFor(asked.model, tools), tools),
  restoreAligned: (asked, tools) =>
    asked.model.kind === 'service'
      ? restoreAlignedThere(asked, asked.model, tools)
      : restoreAligned(asked, networksFor(asked.model, tools), tools),
  identity: measureIdentity,
  save: savePicture,
};
