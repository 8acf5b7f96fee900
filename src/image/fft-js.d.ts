/** What is used of fft.js, which comes without types. Complex values lie in pairs, the real part first. */
declare module 'fft.js' {
  export default class FFT {
    /** @param size a power of two above 1 */
    constructor(size: number);
    /** The transform of `input`, 2·size values, into `output`. */
    transform(output: Float64Array, input: Float64Array): void;
    /** Undoes `transform`, the 1/size included. */
    inverseTransform(output: Float64Array, input: Float64Array): void;
  }
}
