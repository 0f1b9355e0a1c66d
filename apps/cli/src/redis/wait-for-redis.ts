/** Waits until a Redis answers PING. Two bounds: one for a server that does not answer at all, and a far longer one for
 * a server that is reading its append-only file, because giving up then would make a large backlog unstartable. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  port: number;
  /** The process that has to be the one that answers: another Redis on this port is none of ours. */
  pid?: number;
  password?: string;
  signal: AbortSignal;
  report?: (line: string) => void;
}

const ANSWER_MS = 30_000;
const LOADING_MS = 600_000;
const LOADING_REPORT_MS = 5_000;
const RETRY_MS = { silent: 20, loading: 100 };

type Answer = 'ready' | 'loading' | 'silent';

export async function waitForRedis(options: WaitOptions): Promise<void> {
  const { port, signal, report } = options;
  const started = performance.now();
  let said = started;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ping(options);
    if (answer === 'ready') return;
    const now = performance.now();
    if (now - started > (answer === 'loading' ? LOADING_MS : ANSWER_MS)) {
      throw new Error(`Redis on port ${port} did not answer within ${Math.round((now - started) / 1000)} s.`);
    }
    if (answer === 'loading' && now - said > LOADING_REPORT_MS) {
      said = now;
      report?.('Redis is reading its data ...');
    }
    await delay(RETRY_MS[answer], undefined, { signal });
  }
}

function ping({ port, pid, password }: WaitOptions): Promise<Answer> {
  const question = `${password === undefined ? '' : `AUTH ${password}\r\n`}INFO server\r\nPING\r\n`;
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 });
    let text = '';
    const settle = (answer: Answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => socket.write(question));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('+PONG')) settle(isOurs(text, pid) ? 'ready' : 'silent');
      else if (text.includes('-LOADING')) settle('loading');
    });
    for (const event of ['error', 'close', 'timeout']) socket.on(event, () => settle('silent'));
  });
}

function isOurs(info: string, pid: number | undefined): boolean {
  return pid === undefined || info.includes(`process_id:${pid}\r\n`);
}
