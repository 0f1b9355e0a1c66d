/**
 * A prediction's transitions as server-sent events, from `Last-Event-ID` on and until it has ended.
 *
 * Invariants: each transition is told once and in order, whether it was in the record's log already or is told by a
 * notice; a notice that Redis lost holds it up no longer than until the next sign of life; who has been told of the end
 * is answered 204, which tells him not to come again; so many readers are held at once and no more, each from before
 * anything is waited for until his connection has closed; one that does not take the last event in time is let go, and
 * all are when the gateway stops: they come back by their last id.
 */
import { Controller, Get, Head, HttpStatus, Param, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerResponse } from 'node:http';
import { isTerminal, parseLog, SluiceError, type PredictionRecord } from '#inference';
import { GatewayContext } from '../../context.js';
import { ownerOf } from '../../http/owner.js';
import { DurableAnswer } from '../durable-answer.js';
import { DurableService } from '../durable.service.js';
import { DescribeRecord } from '../openapi.js';
import { Watchers } from './watchers.js';

/** A proxy that hears nothing for longer than this gives up; as often Redis is asked to tell, should it have forgotten. */
const KEEP_ALIVE_MS = 15_000;
/** For what has not been read when there is no more to tell. */
const LINGER_MS = 30_000;
const RETRY_MS = 2_000;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

@ApiTags('durable predictions')
@Controller('v1/predictions')
export class EventsController implements OnModuleDestroy {
  /** Those whose record is still being read have no stream yet. */
  private readonly readers = new Map<ServerResponse, Stream | undefined>();

  constructor(
    private readonly context: GatewayContext,
    private readonly durable: DurableService,
    private readonly answer: DurableAnswer,
    private readonly watchers: Watchers,
  ) {}

  /** Fastify's own would run the stream, which writes nothing that a HEAD could end with. */
  @Head(':id/events')
  @ApiExcludeEndpoint()
  async head(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const after = lastEventId(request);
    const record = await this.durable.read(ownerOf(request), id);
    if (hasEnded(record, after)) void reply.status(HttpStatus.NO_CONTENT).send();
    else void reply.headers(STREAM_HEADERS).send();
  }

  @Get(':id/events')
  @DescribeRecord({ summary: 'Its transitions as server-sent events', operationId: 'predictionEvents', path: ['id'] })
  async events(@Req() request: FastifyRequest, @Res() reply: FastifyReply, @Param('id') id: string): Promise<void> {
    const { maxEventStreams } = this.context.config;
    if (this.readers.size >= maxEventStreams) {
      throw new SluiceError('CAPACITY_EXHAUSTED', `This gateway tells events to ${maxEventStreams} readers already.`, {
        retryAfterSeconds: 5,
      });
    }
    const after = lastEventId(request);
    const { raw } = reply;
    this.readers.set(raw, undefined);
    raw.once('close', () => this.readers.delete(raw));
    const record = await this.durable.read(ownerOf(request), id);
    // He has gone meanwhile, and nothing tells so any more.
    if (raw.destroyed) return;
    if (hasEnded(record, after)) {
      void reply.status(HttpStatus.NO_CONTENT).send();
      return;
    }
    const stream = new Stream(reply, id, after);
    this.readers.set(raw, stream);
    await this.follow(request, record.id, stream);
    if (this.context.draining) stream.close();
  }

  /** The port is about to close, and waits for connections that are in use. */
  onModuleDestroy(): void {
    for (const stream of this.readers.values()) stream?.close();
  }

  private async follow(request: FastifyRequest, id: string, stream: Stream): Promise<void> {
    let reading = Promise.resolve();
    /** Notices only say that there is something: the log has it, and all before it. */
    const read = (): void => {
      reading = reading.then(() => this.tell(request, id, stream)).catch(() => stream.close());
    };
    const unwatch = this.watchers.watch(id, read);
    stream.onClose(unwatch);
    const watch = (): Promise<void> => this.context.ledger.watch(id, this.context.id).then(read);
    // While Redis is away there is nothing to tell, and a reader who is let go then would be refused when he comes again.
    stream.onKeepAlive(() => void watch().catch(() => undefined));
    await watch().catch(() => stream.close());
    await reading;
  }

  private async tell(request: FastifyRequest, id: string, stream: Stream): Promise<void> {
    if (stream.closed) return;
    const record = await this.context.ledger.read(id);
    if (!record) {
      stream.close();
      return;
    }
    const events = parseLog(record.log);
    for (const event of events) {
      const ends = isTerminal(event.status);
      const isLast = event === events.at(-1);
      const { shown } = stream;
      const data =
        ends && isLast
          ? await this.answer.object(request, record, shown)
          : JSON.stringify({ id: shown, status: event.status });
      stream.event({ id: event.id, name: event.status, data });
    }
    if (isTerminal(record.status)) stream.close();
  }
}

function hasEnded({ status, log }: PredictionRecord, after: number): boolean {
  return isTerminal(status) && after >= (parseLog(log).at(-1)?.id ?? 0);
}

function lastEventId({ headers, query }: FastifyRequest): number {
  const text = headers['last-event-id'] ?? (query as { last_event_id?: string }).last_event_id ?? '0';
  if (/^\d{1,15}$/.test(String(text))) return Number(text);
  throw new SluiceError('HEADER_INVALID', 'Last-Event-ID is not one of ours; the id of an event was expected.');
}

/** One reader's connection. */
class Stream {
  closed = false;
  private readonly closing: (() => void)[] = [];
  private keptAlive = (): void => undefined;
  private readonly keepAlive: NodeJS.Timeout;

  constructor(
    private readonly reply: FastifyReply,
    /** The prediction's id as the reader knows it. */
    readonly shown: string,
    /** Id of the last event that the reader has. */
    private last: number,
  ) {
    const { raw } = reply;
    reply.hijack();
    raw.writeHead(200, {
      ...STREAM_HEADERS,
      'x-request-id': reply.request.id,
      connection: 'close',
    });
    raw.write(`retry: ${RETRY_MS}\n\n`);
    raw.once('close', () => this.close());
    this.keepAlive = setInterval(() => {
      raw.write(': still here\n\n');
      this.keptAlive();
    }, KEEP_ALIVE_MS);
  }

  /** Called with each sign of life, until it is closed. */
  onKeepAlive(then: () => void): void {
    this.keptAlive = then;
  }

  onClose(then: () => void): void {
    if (this.closed) then();
    else this.closing.push(then);
  }

  event({ id, name, data }: { id: number; name: string; data: string }): void {
    if (this.closed || id <= this.last) return;
    this.last = id;
    this.reply.raw.write(`id: ${id}\nevent: ${name}\ndata: ${data}\n\n`);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.keepAlive);
    const { raw } = this.reply;
    if (!raw.destroyed) {
      raw.end();
      const late = setTimeout(() => raw.destroy(), LINGER_MS);
      raw.once('close', () => clearTimeout(late));
    }
    this.closing.splice(0).forEach((then) => then());
  }
}
