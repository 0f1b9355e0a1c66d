/** Entry: Fastify and onnxruntime in one process, one run for each request. */
import { childSettings, endWithParent, tellParent } from '../processes/child-side.js';
import type { FromProgram, ProgramSettings } from './contender.js';
import { listen } from './http-front.js';
import { openSingleRun } from './single-run.js';

const { packageDir, threads } = childSettings() as ProgramSettings;
endWithParent();
const port = await listen(await openSingleRun(packageDir, threads));
tellParent({ kind: 'ready', port } satisfies FromProgram);
