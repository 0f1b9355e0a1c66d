/** Models of known size and cost in a folder of their own, and a Sluice that serves them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisProgram } from '../../../apps/cli/src/redis/redis-program.js';
import { freePort } from '../../../apps/cli/src/serve/free-port.js';
import { startSluice, type RunningSluice } from '../contenders/sluice.js';
import { matMulModel } from '../matmul-model.js';
import type { Children } from '../processes/children.js';
import { metricsOf } from '../processes/metrics.js';

/** A row of 256 numbers; each layer takes a quarter of a megabyte, and some ten microseconds a row. */
export const WIDTH = 256;

export interface Several {
  children: Children;
  scratch: string;
  redis: RedisProgram;
  seconds: number;
  print: (line: string) => void;
}

export interface Serving extends RunningSluice {
  base: string;
  /** The worker's metrics, as text. */
  metrics: () => Promise<string>;
}

/** `layers` by model name; answers the folder. */
export async function makeModels(scratch: string, layers: Record<string, number>): Promise<string> {
  const folder = join(scratch, 'models');
  for (const [name, count] of Object.entries(layers)) {
    const place = join(folder, name, '1');
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'model.onnx'), matMulModel({ width: WIDTH, layers: count }));
  }
  return folder;
}

export async function bodyFile(scratch: string): Promise<string> {
  const file = join(scratch, 'row.json');
  await writeFile(file, BODY);
  return file;
}

export const BODY = JSON.stringify({ input: Array<number>(WIDTH).fill(1) });

export async function serve(
  { children, scratch, redis }: Several,
  modelsDir: string,
  settings: Record<string, string> = {},
): Promise<Serving> {
  const port = await freePort();
  const own = { SLUICE_WORKER_PORT: String(port), SLUICE_STORE: join(scratch, 'store') };
  const sluice = await startSluice({ children, scratch, redis, modelsDir, settings: { ...own, ...settings } });
  return {
    ...sluice,
    base: `http://127.0.0.1:${sluice.port}`,
    metrics: () => metricsOf(`http://127.0.0.1:${port}`),
  };
}

export async function untilReady(base: string, models: readonly string[]): Promise<void> {
  const end = Date.now() + 120_000;
  for (const model of models) {
    while ((await fetch(`${base}/v1/models/${model}/ready`)).status !== 200) {
      if (Date.now() > end) throw new Error(`${model} is not ready after two minutes.`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
