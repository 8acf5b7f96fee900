import type { Words } from './words.ts';

const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;

function duration(seconds: number): string {
  if (seconds < 5) return 'a few seconds';
  if (seconds < 90) return `${Math.ceil(seconds / 5) * 5} seconds`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? count(minutes, 'minute') : count(Math.round(minutes / 60), 'hour');
}

export const english: Words = {
  language: 'en',
  title: 'Restore faces',
  tagline: 'Blurred, noisy or old photos: the faces in them become clear again.',
  privacy: 'Your photos never leave this device.',
  sent: (host) => `Photos are sent to ${host}.`,
  drop: {
    title: 'Drop photos here',
    choose: 'Choose photos',
    formats: 'One or many: JPEG, PNG, WebP, AVIF or GIF, up to 60 megapixels',
    more: 'Add photos',
    steps: [
      { title: 'Drop', text: 'Any number of photos, with any number of faces.' },
      { title: 'Compare', text: 'Each face is found, restored and shown beside what it was.' },
      { title: 'Keep', text: 'Results have the photo’s size and format, and what its file says of it.' },
    ],
    download: (megabytes) =>
      `The first photo downloads what is needed, ${megabytes} MB. Then it works without a network too.`,
    downloaded: 'Everything is on this device: it works without a network.',
  },
  photos: {
    label: 'Photos',
    stage: {
      waiting: 'Waiting',
      finding: 'Looking for faces',
      restoring: 'Restoring',
      done: 'Done',
      stopped: 'Stopped',
      failed: 'Failed',
    },
    remove: (name) => `Remove ${name}`,
    faces: (restored, found) =>
      found === 0 ? 'No face found' : `${restored} of ${count(found, 'face')} restored`,
    leftAlone: (found) => `${count(found, 'face')}, left alone`,
    select: (name, state) => `${name}: ${state}`,
  },
  work: {
    photoOf: (photo, photos) => `Photo ${photo} of ${photos}`,
    finding: 'Looking for faces',
    restoring: (face, faces) => `Restoring face ${face} of ${faces}`,
    restoringAligned: 'Restoring the face',
    downloading: (loaded, total) => `Downloading, once: ${loaded} of ${total} MB`,
    left: (seconds) => `about ${duration(seconds)} left`,
    cancel: 'Stop',
    resume: 'Go on',
    allDone: (photos, faces) =>
      faces === 0
        ? 'Done: no face had to be restored.'
        : `Done: ${count(faces, 'face')} in ${count(photos, 'photo')} restored.`,
    between: ' ',
    someFailed: (photos) => `${count(photos, 'file')} could not be done.`,
    label: 'Progress',
  },
  stage: {
    label: (name) => `${name}, before and after`,
    original: 'The photo before restoration',
    before: 'Before',
    after: 'After',
    slider: 'Left of it the photo before restoration, in percent',
    zoomIn: 'Zoom in',
    zoomOut: 'Zoom out',
    fit: 'Whole photo',
    turn: 'Turn the photo to the right',
    draw: 'Mark a face by hand',
    drawHint:
      'Draw a box around the face, from the brows to the chin. Enter marks the middle of the view, Escape ends.',
    outlines: 'Show outlines',
    tools: 'View',
    keys: 'Plus and minus zoom, arrows move, 0 shows the whole photo.',
    nothing: 'No face was found.',
    nothingHint: 'Mark one by hand, or turn the photo if it lies on its side.',
    aligned: 'One face fills this picture: all of it is restored.',
  },
  face: {
    name: (face) => `Face ${face}`,
    list: 'Faces',
    restored: 'Restored',
    sharp: 'Left alone: it is sharp already',
    small: 'Left alone: it is very small',
    leftOut: 'Left out',
    waiting: 'Waiting',
    leaveOut: 'Leave out',
    takeIn: 'Restore it',
    identity: 'This may look like another person',
    identityHint: 'Try less strength, or another version.',
    before: (face) => `Face ${face} before`,
    after: (face) => `Face ${face} after`,
  },
  controls: {
    label: 'Result',
    strength: 'Strength',
    strengthHint: 'How much of the restored face is laid over the old one',
    percent: (share) => `${Math.round(100 * share)} %`,
    fidelity: 'Fidelity',
    fidelityHint: 'From the face that the model makes to the one in the photo; restores again',
    leftAlone: 'These faces are as sharp as this model makes them, so they were left alone.',
    restoreAll: 'Restore them all the same',
    another: 'Another version',
    anotherHint: 'Restores the faces again, a little differently',
    save: 'Save',
    saveAll: 'Save all as ZIP',
    saving: 'Writing the file',
    saved: 'Saved',
    notes: {
      converted: () => 'Its colours were converted to sRGB.',
      depth: () => 'Samples of more than 8 bits become 8 bits.',
      incomplete: () => 'The file ends too early: part of the photo may be missing.',
      format: ({ format }) => `The result is a ${format} file.`,
      'left-out': ({ what }) => `Not kept in the result: ${what.join(', ')}.`,
    },
    more: 'About this photo',
  },
  settings: {
    title: 'Model',
    model: 'What restores the faces',
    embedded: 'The small model of this page',
    embeddedHint: 'Makes faces of 256 × 256 pixels. Larger models give more detail.',
    folder: 'A folder on this device',
    folderHint: 'It has lcm, clip and interlcm in it.',
    url: 'An address',
    urlHint: 'Of such a folder on a server that lets this page read it.',
    service: 'The server of this page',
    serviceHint: (host) =>
      `Photos then leave this device: they are sent to ${host}, restored there, and deleted there once the result is back.`,
    serviceKey: 'Key',
    use: 'Use this model',
    largeModel: (gigabytes) =>
      `These weights are ${gigabytes} GB. A browser tab has room for about 4 GB: it may not work here.`,
    incomplete: 'The folder has no lcm, clip and interlcm in it.',
  },
  device: {
    webgpu: 'Computes on the graphics card (WebGPU)',
    wasm: (threads) => `Computes on the processor (WebAssembly, ${count(threads, 'thread')})`,
    noAdapter: 'this browser offers no graphics card',
    wrongResults: 'the graphics card gave wrong results in a check',
    service: (host) => `Computes on the server ${host}`,
    notIsolated: 'one thread only, as the server does not isolate this page; it is slower',
  },
  failure: {
    unreadable: () => 'This file cannot be read: it is no picture, or it is damaged.',
    format: (name) => `${name} files cannot be read here. Save the photo as JPEG or PNG first.`,
    'too-large': (size) =>
      `This photo is too large for a browser (${size} pixels): 60 megapixels are the most.`,
    memory: () => 'This photo needs more memory than the browser has. Close other tabs, or make it smaller.',
    offline: () => 'What is needed could not be downloaded. Check the connection and try again.',
    model: (detail) => `This model cannot be used: ${detail}`,
    'not-finite': () =>
      'The model made no picture of this: its weights are damaged, or this device computes wrongly.',
    'service-key': () => 'The server asks for a key that it knows: give it under Model.',
    'service-busy': () => 'The server is busy. Try again in a moment.',
    service: (detail) => `The server could not do it. ${detail}`,
    other: (detail) => `This did not work: ${detail}`,
  },
  retry: 'Try again',
};
