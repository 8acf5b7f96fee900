/** The page: photos go in, their faces are found and restored by a worker, results come out. */

import './style/base.css';
import './style/layout.css';
import './style/stage.css';
import './style/panel.css';
import './style/settings.css';
import type { ModelChoice } from './bridge/messages.ts';
import { WorkerBridge } from './bridge/worker-bridge.ts';
import { startOffline } from './offline.ts';
import { saveResult, saveResults } from './save-results.ts';
import { PageState } from './state/page-state.ts';
import type { PhotoItem } from './state/photo-item.ts';
import { PhotoWork } from './state/photo-work.ts';
import { createDropView } from './view/drop-view.ts';
import { element, setText } from './view/element.ts';
import { createFaceList } from './view/face-list.ts';
import { createPhotoList } from './view/photo-list.ts';
import { createResultControls } from './view/result-controls.ts';
import { createSettingsView } from './view/settings-view.ts';
import { createStageView } from './view/stage-view.ts';
import { createWorkView } from './view/work-view.ts';
import { chooseWords } from './words/choose-words.ts';

const words = chooseWords(navigator.languages);
document.documentElement.lang = words.language;
document.title = words.title;

const bridge = new WorkerBridge(
  () => new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module' }),
);
const state = new PageState();
const work = new PhotoWork(state, bridge);
const start = (): void => {
  state.changed();
  void work.start();
};

/** Every change of what is asked of a photo: what is under way for it is for nothing, and it is looked at again. */
const change = (photo: PhotoItem, make: () => void): void => {
  work.interrupt(photo);
  make();
  start();
};

const drop = createDropView(words, (files) => {
  const photos = files.filter(({ type, name }) => type.startsWith('image/') || /\.\w+$/.test(name));
  if (photos.length === 0) return;
  state.add(photos);
  start();
});
void startOffline().then((megabytes) => drop.setDownload(megabytes));

const onToggle = (photo: PhotoItem, face: PhotoItem['faces'][number]): void => {
  photo.toggle(face);
  start();
};
const resume = (photos: readonly PhotoItem[]): void => {
  for (const photo of photos) photo.resume();
  start();
};
const setModel = (model: ModelChoice): void => {
  state.model = model;
  state.device = state.fidelity = undefined;
  for (const photo of state.photos) {
    work.interrupt(photo);
    photo.restart();
  }
  start();
};

const workspace = element(
  'div',
  { className: 'workspace', hidden: true },
  createPhotoList(state, words, {
    addButton: drop.addButton,
    onRemove: (photo) => {
      work.interrupt(photo);
      state.remove(photo);
    },
  }),
  createStageView(state, words, {
    onToggle,
    onTurn: (photo) => change(photo, () => photo.turn()),
    onDraw: (photo, box) => void work.draw(photo, box),
    onRetry: (photo) => resume([photo]),
  }),
  element(
    'aside',
    { className: 'panel' },
    createWorkView(state, words, {
      onCancel: () => work.cancel(),
      onResume: () => resume(state.photos.filter(({ stage }) => stage === 'stopped')),
    }),
    createResultControls(state, words, {
      onStrength: (photo, strength) => {
        photo.strength = strength;
        state.changed();
      },
      onStrengthSet: (photo) => void work.measureIdentity(photo),
      onAnother: (photo) => change(photo, () => photo.vary({ seed: photo.seed + 1 })),
      onFidelity: (photo, fidelity) => change(photo, () => photo.vary({ fidelity })),
      onForce: (photo) => change(photo, () => photo.forceAll()),
      onSave: (photo) => saveResult(photo, { bridge, model: state.model }).finally(() => state.changed()),
      onSaveAll: () =>
        saveResults(state.photos, { bridge, model: state.model }).finally(() => state.changed()),
    }),
    createFaceList(state, words, onToggle),
  ),
);

const privacy = element('p', { className: 'privacy' });
const header = element(
  'header',
  {},
  element('h1', {}, words.title),
  element('p', {}, words.tagline),
  privacy,
);
document.body.append(
  header,
  element('main', {}, drop.welcome, workspace),
  createSettingsView(state, words, setModel),
);

state.subscribe(() => {
  const empty = state.photos.length === 0;
  drop.welcome.hidden = !empty;
  workspace.hidden = empty;
  const isSent = state.model.kind === 'service';
  setText(privacy, isSent ? words.sent(location.host) : words.privacy);
  privacy.classList.toggle('sent', isSent);
  drop.download.hidden = isSent;
  document.body.classList.toggle('busy', !empty);
});

state.changed();

// What was restored and not saved would be lost.
window.addEventListener('beforeunload', (event) => {
  if (state.working) event.preventDefault();
});
