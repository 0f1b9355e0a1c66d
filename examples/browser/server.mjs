/**
 * Serves the page, the model packages and the few built files and libraries that the page imports; nothing else of the
 * project can be reached. Any server of plain files does the same: see README.md.
 *
 *   node examples/browser/server.mjs [--models folder] [--port 8090]
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import fastifyStatic from '@fastify/static';
import fastify from 'fastify';

const { values } = parseArgs({
  options: { models: { type: 'string', default: 'models' }, port: { type: 'string', default: '8090' } },
});
const project = join(import.meta.dirname, '../..');
const onlyScripts = (path) => path.endsWith('.js');
const onlyWasmBuild = (path) => /^\/ort\.wasm\.bundle\.min\.mjs$|^\/ort-wasm-simd-threaded\.(mjs|wasm)$/.test(path);

const served = [
  {
    prefix: '/',
    root: join(project, 'examples/browser'),
    allowedPath: (path) => /^\/([a-z]+\.(js|html))?$/.test(path),
  },
  { prefix: '/models/', root: resolve(values.models) },
  { prefix: '/pictures/', root: join(project, 'examples/digits'), allowedPath: (path) => path.endsWith('.png') },
  { prefix: '/sluice/', root: join(project, 'dist/libs/inference/src'), allowedPath: onlyScripts },
  { prefix: '/zod/', root: join(project, 'node_modules/zod'), allowedPath: onlyScripts },
  { prefix: '/onnxruntime/', root: join(project, 'node_modules/onnxruntime-web/dist'), allowedPath: onlyWasmBuild },
];

const server = fastify();
for (const [i, folder] of served.entries()) {
  await server.register(fastifyStatic, { dotfiles: 'deny', ...folder, decorateReply: i === 0 });
}
console.log(`Open ${await server.listen({ host: '127.0.0.1', port: Number(values.port) })}`);
