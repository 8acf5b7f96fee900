/** Where the pictures of jobs lie: the photo and its result, under the job's id. */

export type PictureName = 'photo' | 'result';

export interface PictureStore {
  /** Whole or not at all; replaces what is there. */
  write(job: string, name: PictureName, bytes: Uint8Array): Promise<void>;
  read(job: string, name: PictureName): Promise<Uint8Array | undefined>;
  /** Everything of a job. */
  remove(job: string): Promise<void>;
  /** Jobs that have something here, last written before a time. */
  jobsBefore(time: Date): Promise<string[]>;
  close(): Promise<void>;
}
