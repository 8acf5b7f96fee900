/** Whole photographs: the faces in them found, restored and laid back. */

export { type FaceReport, type FoundFace, reportFaces, reportFound } from './face-report.ts';
export { type Mask, paintOn, unfilledShare } from './fill-in.ts';
export { findSubject, type PhotoTools, type Subject, type SubjectOptions } from './find-subject.ts';
export { layFaces } from './lay-faces.ts';
export type { Enlarge, FaceOptions, LayOptions, PhotoColor, PhotoOptions } from './photo-options.ts';
export { type RestoredPhoto, restorePhoto } from './restore-photo.ts';
export {
  type FaceOutcome,
  identityDistanceOf,
  type PhotoFace,
  type RestoredCrop,
  type RestoreFacesOptions,
  restorePhotoFaces,
} from './restore-photo-faces.ts';
export {
  layPicture,
  type PictureFace,
  type PictureOptions,
  restorePicture,
  restorePictureFace,
} from './restore-picture.ts';
export {
  inputOfSubject,
  type LaidSubject,
  laySubject,
  type Picture,
  type RestoredSubject,
  type RestoreSubjectOptions,
  restoreSubject,
} from './restore-subject.ts';
