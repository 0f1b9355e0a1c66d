/** A typed client: posts pictures with fetch. It needs no dependency. */
import { readFile } from 'node:fs/promises';

interface Scored {
  index: number;
  label?: string;
  score: number;
}

interface Classification {
  prediction: number;
  label?: string;
  score: number;
  top: Scored[];
  model: string;
  version: string;
}

interface Problem {
  status: number;
  code: string;
  detail: string;
}

/** The answer for a JPEG, PNG, WebP or GIF. Throws with what the service says is wrong. */
async function classify(picture: Uint8Array<ArrayBuffer>): Promise<Classification> {
  const response = await fetch('http://127.0.0.1:8080/predict/digits', {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: picture,
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) {
    const { status, code, detail } = (await response.json()) as Problem;
    throw new Error(`${status} ${code}: ${detail}`);
  }
  return (await response.json()) as Classification;
}

for (const name of ['seven.png', 'three.png']) {
  const { prediction, score, top } = await classify(await readFile(`examples/digits/${name}`));
  console.log(`${name}: ${prediction} at ${score.toFixed(3)}, then ${top[1]?.index}`);
}
