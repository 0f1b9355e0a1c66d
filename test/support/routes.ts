/** The routes that a gateway has, read off the tree that Fastify prints. */
import type { FastifyInstance } from 'fastify';

export interface RouteOf {
  method: string;
  /** With its parameters filled in. */
  path: string;
  /** As it was declared. */
  pattern: string;
}

export function routesOf(fastify: FastifyInstance): RouteOf[] {
  const above: string[] = [];
  const found: RouteOf[] = [];
  for (const line of fastify.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent, part] = /^([│ ]*)(?:[├└]── )(\S+)/.exec(line) ?? [];
    if (indent === undefined || part === undefined) continue;
    above.length = indent.length / 4;
    above.push(part);
    const [, methods] = /\(([A-Z, ]+)\)$/.exec(line) ?? [];
    if (methods === undefined) continue;
    const pattern = above.join('').replaceAll('//', '/');
    const path = pattern.replace(/:\w+(\|:\w+)*/g, 'x');
    for (const method of methods.split(', ')) found.push({ method, path, pattern });
  }
  return found;
}
