import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { openTensorFile, readFloat64 } from './tensor-file.ts';
import { encodeStoredZip } from './zip-writer.ts';

/**
 * What NumPy 2.4.6 under Python 3.11.7 pickles, by protocol, of
 * dict(name='ffhq', size=np.int64(512), mean=np.array([1.5, -2, 0.1], dtype=np.float32),
 *      cov=np.asfortranarray(np.array([[2.0, 0.1, 1/3], [0.5, 3, 0], [-1, 0, 4]])))
 */
const statistics: Readonly<Record<number, string>> = {
  2:
    'gAJ9cQAoWAQAAABuYW1lcQFYBAAAAGZmaHFxAlgEAAAAc2l6ZXEDY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKc2NhbGFyCnEE' +
    'Y251bXB5CmR0eXBlCnEFWAIAAABpOHEGiYiHcQdScQgoSwNYAQAAADxxCU5OTkr/////Sv////9LAHRxCmJjX2NvZGVjcwpl' +
    'bmNvZGUKcQtYCAAAAAACAAAAAAAAcQxYBgAAAGxhdGluMXENhnEOUnEPhnEQUnERWAQAAABtZWFucRJjbnVtcHkuX2NvcmUu' +
    'bXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcRNjbnVtcHkKbmRhcnJheQpxFEsAhXEVaAtYAQAAAGJxFmgNhnEXUnEYh3EZUnEa' +
    'KEsBSwOFcRtoBVgCAAAAZjRxHImIh3EdUnEeKEsDaAlOTk5K/////0r/////SwB0cR9iiWgLWBEAAAAAAMOAPwAAAMOAw43D' +
    'jMOMPXEgaA2GcSFScSJ0cSNiWAMAAABjb3ZxJGgTaBRLAIVxJWgYh3EmUnEnKEsBSwNLA4ZxKGgFWAIAAABmOHEpiYiHcSpS' +
    'cSsoSwNoCU5OTkr/////Sv////9LAHRxLGKIaAtYUwAAAAAAAAAAAABAAAAAAAAAw6A/AAAAAAAAw7DCv8KawpnCmcKZwpnC' +
    'mcK5PwAAAAAAAAhAAAAAAAAAAABVVVVVVVXDlT8AAAAAAAAAAAAAAAAAABBAcS1oDYZxLlJxL3RxMGJ1Lg==',
  4:
    'gASVhQEAAAAAAAB9lCiMBG5hbWWUjARmZmhxlIwEc2l6ZZSMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAZzY2FsYXKUk5SM' +
    'BW51bXB5lIwFZHR5cGWUk5SMAmk4lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJDCAACAAAAAAAAlIaUUpSMBG1l' +
    'YW6UaASMDF9yZWNvbnN0cnVjdJSTlGgHjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwOFlGgJjAJmNJSJiIeUUpQoSwNo' +
    'DU5OTkr/////Sv////9LAHSUYolDDAAAwD8AAADAzczMPZR0lGKMA2NvdpRoFGgWSwCFlGgYh5RSlChLAUsDSwOGlGgJjAJm' +
    'OJSJiIeUUpQoSwNoDU5OTkr/////Sv////9LAHSUYohDSAAAAAAAAABAAAAAAAAA4D8AAAAAAADwv5qZmZmZmbk/AAAAAAAA' +
    'CEAAAAAAAAAAAFVVVVVVVdU/AAAAAAAAAAAAAAAAAAAQQJR0lGJ1Lg==',
  5:
    'gAWVhAEAAAAAAAB9lCiMBG5hbWWUjARmZmhxlIwEc2l6ZZSMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAZzY2FsYXKUk5SM' +
    'BW51bXB5lIwFZHR5cGWUk5SMAmk4lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJDCAACAAAAAAAAlIaUUpSMBG1l' +
    'YW6UjBNudW1weS5fY29yZS5udW1lcmljlIwLX2Zyb21idWZmZXKUk5QolgwAAAAAAAAAAADAPwAAAMDNzMw9lGgJjAJmNJSJ' +
    'iIeUUpQoSwNoDU5OTkr/////Sv////9LAHSUYksDhZSMAUOUdJRSlIwDY292lGgVKJZIAAAAAAAAAAAAAAAAAABAAAAAAAAA' +
    '4D8AAAAAAADwv5qZmZmZmbk/AAAAAAAACEAAAAAAAAAAAFVVVVVVVdU/AAAAAAAAAAAAAAAAAAAQQJRoCYwCZjiUiYiHlFKU' +
    'KEsDaA1OTk5K/////0r/////SwB0lGJLA0sDhpSMAUaUdJRSlHUu',
};
/** The same of arrays that are refused: of an object whose unpickling calls eval('1'), big-endian, of records. */
const refused = {
  object:
    'gAJ9cQBYBAAAAG1lYW5xAWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAmNudW1weQpuZGFycmF5CnED' +
    'SwCFcQRjX2NvZGVjcwplbmNvZGUKcQVYAQAAAGJxBlgGAAAAbGF0aW4xcQeGcQhScQmHcQpScQsoSwFLAYVxDGNudW1weQpk' +
    'dHlwZQpxDVgCAAAATzhxDomIh3EPUnEQKEsDWAEAAAB8cRFOTk5K/////0r/////Sz90cRJiiV1xE2NfX2J1aWx0aW5fXwpl' +
    'dmFsCnEUWAEAAAAxcRWFcRZScRdhdHEYYnMu',
  bigEndian:
    'gAJ9cQBYBAAAAG1lYW5xAWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAmNudW1weQpuZGFycmF5CnED' +
    'SwCFcQRjX2NvZGVjcwplbmNvZGUKcQVYAQAAAGJxBlgGAAAAbGF0aW4xcQeGcQhScQmHcQpScQsoSwFLAYVxDGNudW1weQpk' +
    'dHlwZQpxDVgCAAAAZjhxDomIh3EPUnEQKEsDWAEAAAA+cRFOTk5K/////0r/////SwB0cRJiiWgFWAkAAAA/w7gAAAAAAABx' +
    'E2gHhnEUUnEVdHEWYnMu',
  records:
    'gAJ9cQBYBAAAAG1lYW5xAWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAmNudW1weQpuZGFycmF5CnED' +
    'SwCFcQRjX2NvZGVjcwplbmNvZGUKcQVYAQAAAGJxBlgGAAAAbGF0aW4xcQeGcQhScQmHcQpScQsoSwFLAYVxDGNudW1weQpk' +
    'dHlwZQpxDVgCAAAAVjRxDomIh3EPUnEQKEsDWAEAAAB8cRFOWAEAAABhcRKFcRN9cRRoEmgNWAIAAABmNHEViYiHcRZScRco' +
    'SwNYAQAAADxxGE5OTkr/////Sv////9LAHRxGWJLAIZxGnNLBEsBSxB0cRtiiWgFWAQAAAAAAAAAcRxoB4ZxHVJxHnRxH2Jz' +
    'Lg==',
};

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(base64, 'base64'));
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const join = (...parts: Iterable<Uint8Array>[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat(parts.flatMap((part) => [...part])));

/** As torch.save wrote it before version 1.6, and on request since: what BasicSR's statistics are. */
const legacy = (pickle: Uint8Array): Uint8Array<ArrayBuffer> =>
  join([
    latin1('\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.'),
    latin1('\x80\x02M\xe9\x03.'),
    latin1('\x80\x02}X\x0d\0\0\0little_endian\x88s.'),
    pickle,
    latin1('\x80\x02].'),
  ]);
const archive = (pickle: Uint8Array): Uint8Array<ArrayBuffer> =>
  join(encodeStoredZip([{ name: 'x/data.pkl', data: pickle }]));
const open = (bytes: Uint8Array<ArrayBuffer>) => openTensorFile(memorySource('ffhq.pth', bytes));

describe("NumPy's arrays in files of torch.save", () => {
  it.each(
    Object.entries(statistics).flatMap(([protocol, base64]) => [
      [protocol, 'older files', legacy(bytesOf(base64))] as const,
      [protocol, 'archives', archive(bytesOf(base64))] as const,
    ]),
  )('of protocol %s in %s have all their digits, row by row', async (_protocol, _kind, bytes) => {
    const file = await open(bytes);
    expect([...file.tensors.keys()]).toEqual([]);
    expect([...file.arrays!.keys()]).toEqual(['mean', 'cov']);
    const mean = await readFloat64(file, 'mean');
    expect([...mean.data]).toEqual([1.5, -2, Math.fround(0.1)]);
    const cov = await readFloat64(file, 'cov');
    expect(cov.shape).toEqual([3, 3]);
    expect([...cov.data]).toEqual([2, 0.1, 1 / 3, 0.5, 3, 0, -1, 0, 4]);
  });

  it("have their module's older name too", async () => {
    const older = Buffer.from(statistics[2]!, 'base64')
      .toString('latin1')
      .replaceAll('numpy._core', 'numpy.core');
    const file = await open(legacy(latin1(older)));
    expect([...(await readFloat64(file, 'mean')).data]).toEqual([1.5, -2, Math.fround(0.1)]);
  });

  it.each<[what: keyof typeof refused, message: RegExp]>([
    ['object', /it calls numpy\.dtype with arguments that do not suit it .*nothing was run/],
    ['bigEndian', /it sets attributes of what is no dictionary and no array of numbers/],
    ['records', /it calls numpy\.dtype with arguments that do not suit it/],
  ])('are refused where they are of %s', async (what, message) => {
    await expect(open(legacy(bytesOf(refused[what])))).rejects.toThrow(message);
  });

  /** A pickle of protocol 2 with `{"mean": array}`, where the array's state is `state`. */
  const withState = (state: string): Uint8Array =>
    latin1(
      `\x80\x02}X\x04\0\0\0meancnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R${state}s.`,
    );
  const dtype = 'cnumpy\ndtype\nX\x02\0\0\0f4\x89\x88\x87R';
  const state = (shape: string, data: string): string => `(K\x01${shape}${dtype}\x89${data}tb`;
  const four = 'C\x04\0\0\x80?';

  it('are what their state says', async () => {
    const file = await open(legacy(withState(state('K\x01\x85', four))));
    expect([...(await readFloat64(file, 'mean')).data]).toEqual([1]);
  });

  it.each<[what: string, pickle: Uint8Array]>([
    ['more elements than bytes', withState(state('K\x02\x85', four))],
    ['more bytes than elements', withState(state('K\x01\x85', 'C\x08\0\0\x80?\0\0\x80?'))],
    ['endless elements of no bytes', withState(state('J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86', 'C\x00'))],
    ['a negative extent', withState(state('J\xff\xff\xff\xff\x85', four))],
    ['a text for bytes', withState(state('K\x01\x85', 'X\x04\0\0\0abcd'))],
    ['two states', withState(state('K\x01\x85', four) + state('K\x01\x85', four))],
    ['a state that is no tuple', withState('}b')],
    [
      'another class',
      latin1('\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85C\x01b\x87R.'),
    ],
    ['an encoding of another kind', latin1('\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0rot13\x86R.')],
    ['a function of NumPy', latin1('\x80\x02cnumpy.core.multiarray\nfromfile\n.')],
    ['a function of codecs', latin1('\x80\x02c_codecs\ndecode\n.')],
  ])('are refused with %s', async (_, pickle) => {
    await expect(open(legacy(pickle))).rejects.toThrow(/ffhq\.pth: .*nothing was run/);
  });

  it('take no more memory than their file may, however often a text is made into bytes', async () => {
    const length = 1 << 20;
    const text = Buffer.concat([
      Buffer.from('X'),
      Buffer.from(Uint32Array.of(length).buffer),
      Buffer.alloc(length),
    ]);
    // Remembered once, then encoded a hundred times.
    const again = 'c_codecs\nencode\nh\x00X\x06\0\0\0latin1\x86Ra'.repeat(100);
    const kept = Buffer.concat([latin1('\x80\x02'), text, latin1('q\x00]'), latin1(again), latin1('.')]);
    await expect(open(legacy(new Uint8Array(kept)))).rejects.toThrow(
      /its arrays take more than 67108864 bytes/,
    );
  });
});
