/** The page: a photo and a model go to the worker, progress and the result come back. */
import type { CheckpointChoice, FromWorker, ToWorker } from './messages.ts';

function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`Cannot start the page: it has no ${kind.name} #${id}`);
  return found;
}

const form = element('form', HTMLFormElement);
const picture = element('picture', HTMLInputElement);
const drop = element('drop', HTMLLabelElement);
const folder = element('folder', HTMLInputElement);
const url = element('url', HTMLInputElement);
const seed = element('seed', HTMLInputElement);
const restoreButton = element('restore', HTMLButtonElement);
const cancelButton = element('cancel', HTMLButtonElement);
const progress = element('progress', HTMLProgressElement);
const status = element('status', HTMLParagraphElement);
const error = element('error', HTMLParagraphElement);
const result = element('result', HTMLElement);
const before = element('before', HTMLImageElement);
const after = element('after', HTMLImageElement);
const slider = element('slider', HTMLInputElement);
const download = element('download', HTMLAnchorElement);

const worker = new Worker(new URL('./restore-worker.ts', import.meta.url), { type: 'module' });
const send = (message: ToWorker): void => worker.postMessage(message);

worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
  switch (data.kind) {
    case 'progress':
      progress.value = data.fraction;
      if (!cancelButton.disabled) status.textContent = `${data.label} …`;
      return;
    case 'restored':
      showResult(data);
      return finish(`Done in ${data.seconds.toFixed(1)} s on ${data.device}`);
    case 'cancelled':
      return finish('Cancelled');
    case 'failed':
      error.textContent = data.message;
      return finish('');
  }
});
worker.addEventListener('error', ({ message }) => {
  error.textContent = `Cannot start the restoring part of this page: ${message || 'its script did not load'}. Reload the page`;
  finish('');
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const file = picture.files?.[0];
  const checkpoint = chosenCheckpoint();
  if (!file || !checkpoint) return;
  error.textContent = '';
  result.hidden = true;
  progress.hidden = false;
  progress.value = 0;
  status.textContent = 'starting …';
  restoreButton.disabled = true;
  cancelButton.disabled = false;
  send({ kind: 'restore', picture: file, checkpoint, seed: seed.valueAsNumber });
});

cancelButton.addEventListener('click', () => {
  cancelButton.disabled = true;
  status.textContent = 'stopping after the network that is running …';
  send({ kind: 'cancel' });
});

function finish(message: string): void {
  progress.hidden = true;
  restoreButton.disabled = false;
  cancelButton.disabled = true;
  status.textContent = message;
}

function showResult({ input, output }: { input: Blob; output: Blob }): void {
  show(before, input);
  show(after, output);
  download.href = after.src;
  result.hidden = false;
}

function show(image: HTMLImageElement, blob: Blob): void {
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
}

function chosenKind(): string {
  return String(new FormData(form).get('checkpoint'));
}

function chosenCheckpoint(): CheckpointChoice | undefined {
  const kind = chosenKind();
  if (kind === 'embedded') return { kind: 'url', url: absolute('embedded/') };
  if (kind === 'demo') return { kind };
  if (kind === 'url') return { kind, url: absolute(url.value.trim()) };
  if (kind === 'folder') return { kind, files: [...(folder.files ?? [])] };
  return undefined;
}

/** Addresses are relative to the page; the worker would take them as relative to its script. */
function absolute(address: string): string {
  return URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI).href : address;
}

/** Shows the details of the chosen kind of checkpoint, which then must be filled in. */
function showCheckpointDetails(): void {
  const kind = chosenKind();
  for (const detail of document.querySelectorAll<HTMLElement>('[data-for]'))
    detail.hidden = detail.dataset['for'] !== kind;
  folder.required = kind === 'folder';
  url.required = kind === 'url';
}

form.addEventListener('change', showCheckpointDetails);
showCheckpointDetails();

document.addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
document.addEventListener('dragleave', () => drop.classList.remove('over'));
document.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  if (!event.dataTransfer?.files.length) return;
  picture.files = event.dataTransfer.files;
});

slider.addEventListener('input', () => {
  slider.parentElement?.style.setProperty('--share', `${slider.value}%`);
});
