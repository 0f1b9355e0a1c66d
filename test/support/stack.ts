/**
 * A gateway and workers as real processes, on the Redis of the test run and under a prefix of their own.
 * `close` ends all of them and is safe to call twice.
 */
import { randomBytes } from 'node:crypto';
import { Child } from './child.js';
import { until } from './until.js';

const GATEWAY = 'dist/apps/gateway/src/main.js';
const WORKER = 'dist/apps/worker/src/main.js';

export interface StackOptions {
  models?: string;
  workers?: number;
  redisUrl?: string;
  gatewayEnv?: Record<string, string>;
  workerEnv?: Record<string, string>;
  /** Model names to wait for; default: the default model, whichever that is. */
  awaits?: string[];
  /** False where nothing is served yet: it starts with the gateway alone being there. */
  serves?: boolean;
}

export class Gateway {
  constructor(
    readonly child: Child,
    readonly url: string,
  ) {}
}

export class Stack {
  readonly prefix = `{test-${randomBytes(6).toString('hex')}}`;
  readonly gateways: Gateway[] = [];
  readonly workers: Child[] = [];
  readonly redisUrl: string;

  private constructor(private readonly options: StackOptions) {
    const shared = options.redisUrl ?? process.env['SLUICE_TEST_REDIS_URL'];
    if (shared === undefined) throw new Error('no Redis for tests: run them with npm test');
    this.redisUrl = shared;
  }

  static async start(options: StackOptions = {}): Promise<Stack> {
    const stack = new Stack(options);
    try {
      for (let i = 0; i < (options.workers ?? 1); i++) stack.addWorker();
      const gateway = await stack.addGateway();
      if (options.serves !== false) await stack.ready(gateway, options.awaits);
    } catch (error) {
      await stack.close();
      throw error;
    }
    return stack;
  }

  get url(): string {
    return this.gateways[0]!.url;
  }

  get gateway(): Child {
    return this.gateways[0]!.child;
  }

  addWorker(env: Record<string, string> = {}): Child {
    const worker = new Child(WORKER, {
      ...this.env(),
      SLUICE_MODELS: this.options.models ?? 'models',
      SLUICE_WORKER_PORT: '0',
      ...this.options.workerEnv,
      ...env,
    });
    this.workers.push(worker);
    return worker;
  }

  async addGateway(env: Record<string, string> = {}): Promise<Gateway> {
    const child = new Child(GATEWAY, {
      ...this.env(),
      PORT: '0',
      SLUICE_LAME_DUCK_MS: '200',
      ...this.options.gatewayEnv,
      ...env,
    });
    const [, url] = await child.logged(/"url":"([^"]+)"/);
    const gateway = new Gateway(child, url!);
    this.gateways.push(gateway);
    return gateway;
  }

  /** Resolves when the gateway is ready, and each of the named models with it. */
  async ready(gateway: Gateway = this.gateways[0]!, models: string[] = []): Promise<void> {
    const paths = ['/health/ready', ...models.map((name) => `/v1/models/${name}/ready`)];
    for (const path of paths) {
      await until(`${path} answers 200`, async () => (await fetch(gateway.url + path)).status === 200);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.gateways.map(({ child }) => child.stop()));
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  private env(): Record<string, string> {
    return { REDIS_URL: this.redisUrl, SLUICE_PREFIX: this.prefix, NODE_ENV: 'test' };
  }
}
