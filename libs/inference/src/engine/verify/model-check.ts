/**
 * The model file as such, before onnxruntime sees it: whether this build can run what it says it needs, and whether its
 * weights lie inside the package.
 */
import { lstat, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readOnnxHeader, type OnnxHeader } from '../../packages/onnx-file.js';
import { externalFilesOf, findModel } from '../../packages/package.js';
import { PASSED, type Outcome, type Subject } from './subject.js';

/** The newest that onnxruntime 1.30 runs, by domain; "" is ONNX's own. A test asks onnxruntime itself. */
export const NEWEST_OPSETS: Readonly<Record<string, number>> = { '': 26, 'ai.onnx.ml': 5 };
export const NEWEST_IR = 13;
/** Where a file in the ORT format says that it is one. Source: FlatBuffers, file identifiers. */
const ORT_MARK_AT = 4;
const ORT_MARK = 'ORTM';

export async function checkModel(subject: Subject): Promise<Outcome> {
  const { directory } = subject.order;
  const file = await findModel(directory);
  const path = join(directory, file);
  subject.at(`a look at ${file}`);
  const files = [file, ...(await externalFilesOf(directory, file))];
  const sizes = await Promise.all(files.map(async (each) => (await lstat(join(directory, each))).size));
  subject.modelBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (file.endsWith('.ort')) {
    await checkOrt(path);
    return PASSED;
  }
  subject.header = await readOnnxHeader(path);
  checkHeader(file, subject.header);
  return PASSED;
}

function checkHeader(file: string, { irVersion, opsets, customDomains, outputs, inputs }: OnnxHeader): void {
  if (irVersion > NEWEST_IR) {
    throw new Error(
      `${file} is of IR version ${irVersion}; onnxruntime here reads up to ${NEWEST_IR}. Export it with an older onnx.`,
    );
  }
  for (const [domain, newest] of Object.entries(NEWEST_OPSETS)) {
    const opset = opsets[domain] ?? 0;
    if (opset <= newest) continue;
    const whose = domain === '' ? '' : ` of ${domain}`;
    throw new Error(
      `${file} needs opset ${opset}${whose}; onnxruntime here has up to ${newest}. Export it with opset_version=${Math.min(newest, 18)}.`,
    );
  }
  if (customDomains.length > 0) {
    throw new Error(
      `${file} has operators of ${customDomains.slice(0, 5).join(', ')}, which only a library of one's own can run; packages hold no code.` +
        ' Export it with operators of ONNX alone.',
    );
  }
  for (const [role, values] of Object.entries({ inputs, outputs })) {
    if (values.length === 0)
      throw new Error(`${file} has no ${role}; expected at least one. Export it with the ${role} of the model.`);
  }
}

async function checkOrt(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    const mark = Buffer.alloc(ORT_MARK.length);
    await handle.read(mark, 0, mark.length, ORT_MARK_AT);
    if (mark.toString('latin1') === ORT_MARK) return;
  } finally {
    await handle.close();
  }
  throw new Error(
    `${basename(path)} is not in the ORT format. Convert the model again, or call it model.onnx if it is ONNX.`,
  );
}
