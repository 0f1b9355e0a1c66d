// Proves: every model.json that "Write a package" shows is one, each task has an example, and no field goes unmentioned.
import { readFileSync } from 'node:fs';
import { parseManifest, TASKS, type TaskName } from '#inference';
import { classificationOutput } from '../../libs/inference/src/packages/manifest/classification.js';
import { detectionOutput } from '../../libs/inference/src/packages/manifest/detection.js';
import { imageSection } from '../../libs/inference/src/packages/manifest/image.js';
import { segmentationOutput } from '../../libs/inference/src/packages/manifest/segmentation.js';
import { anchorsOf, blocksOf } from './pages.js';

const PAGE = 'docs/packages.md';
const sections = readFileSync(PAGE, 'utf8').split(/^##+ /m);
const section = (title: string): string => sections.find((text) => text.startsWith(`${title}\n`)) ?? '';

/** What each task of pictures may say of its output; those of texts have a page of their own. */
const OUTPUTS: Partial<Record<TaskName, { unwrap(): { shape: object } }>> = {
  'image-classification': classificationOutput,
  'object-detection': detectionOutput,
  'image-segmentation': segmentationOutput,
};

it('shows model.json for every task, under a heading of its name', () => {
  const shown = blocksOf(PAGE, 'json').map((text) => parseManifest(JSON.parse(text)).task);
  expect([...new Set(shown)].sort()).toEqual([...TASKS].sort());
  expect(anchorsOf(PAGE)).toEqual(expect.arrayContaining([...TASKS]));
});

it.each(Object.entries(OUTPUTS))('explains every field of the output of %s', (task, schema) => {
  for (const field of Object.keys(schema.unwrap().shape)) expect(section(task)).toContain(`\`output.${field}\``);
});

it('explains every field of the image', () => {
  for (const field of Object.keys(imageSection.shape)) expect(section('Pictures')).toContain(`\`image.${field}\``);
});
