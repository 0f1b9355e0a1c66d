/**
 * Replicate's uploads, which this service does not keep. Its client tries them first for every file in an input, and
 * puts the file into the input as a data URI when it is told 501, and not when it is told anything of the 400s.
 */
import { Controller, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExcludeController } from '@nestjs/swagger';
import { SluiceError } from '#inference';

const WHY = 'This service keeps no files. Send a file as a data URI in the input, or its bytes to /predict.';

@ApiExcludeController()
@Controller('v1/files')
export class FilesController {
  /** Refused by the gate, before its body is read. */
  @Post()
  @RouteConfig({ refuses: WHY })
  upload(): never {
    throw new SluiceError('FEATURE_UNAVAILABLE', WHY);
  }
}
