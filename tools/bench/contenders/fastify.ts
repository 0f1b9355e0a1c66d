/** The in-process server that a team would write first: no queue, no batches, nothing between HTTP and the model. */
import { fileURLToPath } from 'node:url';
import { childEnv } from '#inference';
import type { FromProgram, ProgramSettings, Service } from './contender.js';

const PROGRAM = fileURLToPath(new URL('./fastify-program.js', import.meta.url));

export const fastifyService: Service = {
  name: 'fastify',
  description: 'Fastify + onnxruntime in one process, one run per request, not batched',

  async start({ name, packageDir, contentType, bodyFile }, { children, cpus }) {
    // A second thread does not speed up a model of 100 kB.
    const threads = name === 'image' ? cpus : 1;
    const settings: ProgramSettings = { packageDir, contentType, bodyFile, threads, redisUrl: '' };
    const child = children.start({ name: 'fastify server', script: PROGRAM, settings, env: childEnv({}) });
    const { port } = await child.next<FromProgram, 'ready'>('ready');
    return {
      port,
      path: '/predict',
      processes: () => [{ name: 'server', pid: child.pid }],
      stop: () => child.stop(),
    };
  },
};
