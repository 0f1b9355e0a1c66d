/** What is submitted: digits as JSON and as pictures, of which the service itself has said before what they are. */
import { readFile } from 'node:fs/promises';
import { inRepository } from '../bench/repository.js';

export interface DrillInput {
  kind: 'json' | 'picture';
  body: Buffer;
  /** What stands under `input`, of JSON. */
  row?: number[][][];
  /** The class of it. */
  expected: number;
}

/** Asked before anything is killed. @throws Error when the service takes a seven for something else. */
export async function prepareInputs(url: string): Promise<DrillInput[]> {
  const { input: seven } = JSON.parse(await readFile(inRepository('examples/digits/seven.json'), 'utf8')) as {
    input: number[][][];
  };
  const turn = (change: (plane: number[][]) => number[][]): number[][][] => seven.map(change);
  const rows = [
    seven,
    turn((plane) => [...plane].reverse()),
    turn((plane) => plane.map((line) => [...line].reverse())),
    turn((plane) => plane[0]!.map((_, x) => plane.map((line) => line[x]!))),
  ];
  const pictures = await Promise.all(
    ['seven', 'three'].map((name) => readFile(inRepository(`examples/digits/${name}.png`))),
  );
  const inputs: DrillInput[] = [];
  for (const row of rows) {
    const body = Buffer.from(JSON.stringify({ input: row }));
    inputs.push({ kind: 'json', row, body, expected: await classOf(url, 'application/json', body) });
  }
  for (const body of pictures) inputs.push({ kind: 'picture', body, expected: await classOf(url, 'image/png', body) });
  const [json, , , , picture, three] = inputs;
  if (json?.expected !== 7 || picture?.expected !== 7 || three?.expected !== 3) {
    throw new Error('The service does not know a seven and a three; there is nothing to drill.');
  }
  return inputs;
}

async function classOf(url: string, type: string, body: Buffer): Promise<number> {
  const answer = await fetch(`${url}/predict/digits`, { method: 'POST', headers: { 'content-type': type }, body });
  const { prediction } = (await answer.json()) as { prediction?: number };
  if (prediction === undefined) throw new Error(`The service answered ${answer.status} before anything was killed.`);
  return prediction;
}
