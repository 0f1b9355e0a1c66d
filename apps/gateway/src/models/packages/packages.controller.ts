/**
 * Packages of the store, file by file, for workers on other machines. Everything here is found by what it holds, so it
 * may be kept for ever by whoever has it.
 */
import { Controller, Get, Param, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { SHA256, SluiceError, type Scope, type StoredPackage } from '#inference';
import { DescribeModels } from '../openapi.js';
import { Packages } from './packages.js';

const FETCHERS: readonly Scope[] = ['worker', 'admin'];
/** Private: it is for those with a key. */
const KEEP = 'private, max-age=31536000, immutable';

interface FileOf {
  digest: string;
  file: string;
}

@ApiTags('models')
@Controller('v1/packages')
export class PackagesController {
  constructor(private readonly packages: Packages) {}

  @Get(':digest')
  @RouteConfig({ scopes: FETCHERS })
  @DescribeModels({ summary: 'What a package holds', operationId: 'getPackage', path: ['digest'] })
  async get(@Param('digest') digest: string, @Res() reply: FastifyReply): Promise<void> {
    const { name, version, files } = await this.found(digest);
    void reply.header('cache-control', KEEP).header('etag', `"${digest}"`).send({ digest, name, version, files });
  }

  @Get(':digest/files/:file')
  @RouteConfig({ scopes: FETCHERS })
  @DescribeModels({ summary: 'A file of a package', operationId: 'getPackageFile', path: ['digest', 'file'] })
  file(@Param() { digest, file }: FileOf, @Res() reply: FastifyReply): Promise<void> {
    return this.send(digest, file, reply);
  }

  @Get(':digest/files/:folder/:file')
  @RouteConfig({ scopes: FETCHERS })
  @DescribeModels({
    summary: 'A file in a folder of a package, as its samples',
    operationId: 'getPackageFileInFolder',
    path: ['digest', 'folder', 'file'],
  })
  inFolder(@Param() { digest, folder, file }: FileOf & { folder: string }, @Res() reply: FastifyReply): Promise<void> {
    return this.send(digest, `${folder}/${file}`, reply);
  }

  private async send(digest: string, name: string, reply: FastifyReply): Promise<void> {
    const { files } = await this.found(digest);
    const known = files.find((file) => file.name === name);
    const opened = known && (await (await this.packages.store()).read(digest, name));
    if (!opened) {
      throw new SluiceError('PACKAGE_NOT_FOUND', `The package has no file ${JSON.stringify(name.slice(0, 80))}.`);
    }
    void reply
      .header('cache-control', KEEP)
      .header('etag', `"${known.sha256}"`)
      .header('content-length', opened.size)
      // What somebody has registered is never rendered by a browser under this service's name.
      .header('content-disposition', 'attachment')
      .header('x-content-type-options', 'nosniff')
      .type('application/octet-stream')
      .send(opened.stream);
  }

  private async found(digest: string): Promise<StoredPackage> {
    const found = SHA256.test(digest) ? await (await this.packages.store()).describe(digest) : undefined;
    if (found) return found;
    throw new SluiceError('PACKAGE_NOT_FOUND', 'The store has no package of this digest. Was its version removed?');
  }
}
