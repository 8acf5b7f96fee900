import type { PictureName, PictureStore } from './picture-store.ts';

interface S3StoreOptions {
  readonly bucket: string;
  /** of keys, e.g. `interlcm/` */
  readonly prefix: string;
  /** of an S3-compatible server; Amazon's unless given */
  readonly endpoint?: string | undefined;
}

/** @param address `s3://bucket/prefix?endpoint=https://host:port` */
export function parseS3Address(address: string): S3StoreOptions {
  const url = new URL(address);
  const prefix = url.pathname.replace(/^\//, '').replace(/\/?$/, '/').replace(/^\/$/, '');
  return { bucket: url.hostname, prefix, endpoint: url.searchParams.get('endpoint') ?? undefined };
}

/**
 * Pictures in a bucket of S3 or of what speaks its language, through the package `@aws-sdk/client-s3`, which comes only
 * for this. Keys, region and secrets come from the environment, as the SDK reads them.
 * @throws {Error} if the package is not installed
 */
export async function openS3PictureStore({
  bucket,
  prefix,
  endpoint,
}: S3StoreOptions): Promise<PictureStore> {
  const s3 = await import('@aws-sdk/client-s3').catch((cause: unknown) => {
    throw new Error('Pictures in S3 need one more package: npm install @aws-sdk/client-s3', { cause });
  });
  const client = new s3.S3Client({
    ...(endpoint && {
      endpoint,
      forcePathStyle: true,
      // Servers that are not Amazon's may not know its newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
  });
  const keyOf = (job: string, name: PictureName): string => `${prefix}${job}/${name}`;
  return {
    async write(job, name, bytes) {
      await client.send(new s3.PutObjectCommand({ Bucket: bucket, Key: keyOf(job, name), Body: bytes }));
    },
    async read(job, name) {
      try {
        const { Body } = await client.send(
          new s3.GetObjectCommand({ Bucket: bucket, Key: keyOf(job, name) }),
        );
        return await Body?.transformToByteArray();
      } catch (error) {
        if (error instanceof s3.NoSuchKey) return undefined;
        throw error;
      }
    },
    async remove(job) {
      for (const name of ['photo', 'result'] as const)
        await client.send(new s3.DeleteObjectCommand({ Bucket: bucket, Key: keyOf(job, name) }));
    },
    async jobsBefore(time) {
      const newest = new Map<string, Date>();
      for await (const page of s3.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
        for (const { Key = '', LastModified = new Date() } of page.Contents ?? []) {
          const job = Key.slice(prefix.length).split('/')[0]!;
          const known = newest.get(job);
          if (!known || known < LastModified) newest.set(job, LastModified);
        }
      return [...newest].filter(([, modified]) => modified < time).map(([job]) => job);
    },
    async close() {
      client.destroy();
    },
  };
}
