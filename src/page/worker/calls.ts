/** What the worker does, one function for each call of the page. */

import type { CallName, Calls } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { locateFaces } from './locate-faces.ts';
import { networksFor } from './networks.ts';
import { pictureOf } from './open-photo.ts';
import { measureIdentity, restoreAligned, restoreFacesOf } from './restore-photo.ts';
import { savePicture } from './save-picture.ts';

export type CallHandlers = {
  readonly [Name in CallName]: (
    asked: Calls[Name]['asked'],
    tools: CallTools,
  ) => Promise<Calls[Name]['answer']>;
};

export const calls: CallHandlers = {
  find: ({ photo, model }, tools) => locateFaces(photo, networksFor(model, tools), tools),
  async locate({ photo, box }, tools) {
    const detector = await networksFor({ kind: 'embedded' }, tools).detector();
    return detector.locate((await pictureOf(photo, tools)).pixels, box);
  },
  restore: restoreFacesOf,
  restoreAligned,
  identity: measureIdentity,
  save: savePicture,
};
