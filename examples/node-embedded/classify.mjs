/**
 * Classifies pictures with a model package inside this one process: no gateway, no queue, no Redis.
 *
 *   node examples/node-embedded/classify.mjs <package folder> <picture>...
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { openModel } from '#engine';

const [folder, ...pictures] = process.argv.slice(2);
if (!folder || pictures.length === 0) {
  console.error('Give a package folder and at least one picture: classify.mjs models/digits/1 seven.png');
  process.exit(2);
}

const model = await openModel(folder, { threads: 1 });
const { name, version } = model.description;
console.log(`model ${name}, version ${version}`);
try {
  for (const picture of pictures) await classify(picture);
} finally {
  // The thread that runs the model keeps the process alive until then.
  await model.close();
}

async function classify(picture) {
  try {
    const { top } = await model.predict(await readFile(picture));
    const best = top.map(({ index, label = `class ${index}`, score }) => `${label} ${score.toFixed(3)}`);
    console.log(`${basename(picture)}: ${best.join(', ')}`);
  } catch (error) {
    // One picture that cannot be read harms no other. A SluiceError has a code of docs/errors.md.
    console.log(`${basename(picture)}: ${error.code ?? 'failed'}: ${error.message}`);
    process.exitCode = 1;
  }
}
