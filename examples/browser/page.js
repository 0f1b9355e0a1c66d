/** The page's own part: which package the address names (?package=digits/1), the picture that was chosen, the answer. */
import { openPackage } from './package.js';

const element = (id) => document.getElementById(id);

async function show(classifier, picture) {
  try {
    const start = performance.now();
    const { top, warning = '' } = await classifier.classify(picture);
    element('status').textContent = `${Math.round(performance.now() - start)} ms. ${warning}`;
    element('top').replaceChildren(
      ...top.map(({ index, label, score }) => row(label ?? `class ${index}`, score.toFixed(3))),
    );
  } catch (error) {
    element('status').textContent = error.message;
    element('top').replaceChildren();
  }
}

function row(...cells) {
  const tr = document.createElement('tr');
  for (const cell of cells) tr.insertCell().textContent = cell;
  return tr;
}

const name = new URLSearchParams(location.search).get('package') ?? 'digits/1';
element('model').textContent = name;
try {
  const classifier = await openPackage(`/models/${name}`);
  const input = element('picture');
  input.addEventListener('change', () => void show(classifier, input.files[0]));
  input.disabled = false;
  element('status').textContent = 'Ready';
} catch (error) {
  element('status').textContent = error.message;
}
