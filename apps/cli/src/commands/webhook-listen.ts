/**
 * `sluice webhook listen`: shows on a developer's machine what a receiver of webhooks would get, and whether it is
 * signed as it should be.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { loadGatewayConfig, newSecret, secretBytes, type SignatureVerdict } from '#inference';
import { EXIT, UsageError, type Command } from '../command.js';
import { StopSignals } from '../stop-signals.js';
import { WebhookReceiver, type Delivery, type Refusal } from '../webhook-receiver.js';

const USUAL_PORT = 9_000;

const WHY: Record<Exclude<SignatureVerdict, 'valid'>, string> = {
  'headers-missing': 'it lacks webhook-id, webhook-timestamp or webhook-signature',
  'timestamp-malformed': 'its webhook-timestamp is no number of seconds',
  'too-old': 'it was signed more than five minutes ago, so it may be a recording; or a clock is wrong',
  'too-new': 'it was signed more than five minutes ahead of this clock',
  'signature-wrong': 'it was signed with another secret, or changed on its way',
};

export const webhookListenCommand: Command = {
  usage: `[--port ${USUAL_PORT}] [--secret whsec_…] [--json]`,
  help: [
    'Receives webhooks on this machine and prints those whose signature is right, until Ctrl-C; says of others why not.',
    'The secret is that of the gateway: SLUICE_WEBHOOK_SECRET, or --secret, or a new one, which it prints.',
    '--json prints one line of JSON a webhook, and everything else to standard error.',
  ].join('\n'),

  async run(args) {
    const { values } = parseArgs({
      args,
      options: { port: { type: 'string' }, secret: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
    const port = Number(values.port ?? USUAL_PORT);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new UsageError(`--port is "${values.port}"; a number up to 65535 was expected.`);
    }
    if (values.secret !== undefined && !secretBytes(values.secret)) {
      throw new UsageError('--secret is none: "whsec_" and the base64 of 24 to 64 bytes was expected.');
    }
    const known = values.secret ?? (loadGatewayConfig() as { webhookSecret?: string }).webhookSecret;
    return listen({ port, known, json: values.json });
  },
};

interface ListenOptions {
  port: number;
  known: string | undefined;
  json: boolean;
}

async function listen({ port, known, json }: ListenOptions): Promise<number> {
  const secret = known ?? newSecret();
  const say = (text: string): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
  const show = (text: string): void => void process.stdout.write(`${text}\n`);
  const signals = new StopSignals();
  signals.listen();
  const receiver = await WebhookReceiver.listen({
    port,
    secret,
    onDelivery: (delivery) => show(json ? deliveryJson(delivery) : deliveryText(delivery)),
    onRefusal: (refusal) => show(json ? refusalJson(refusal) : refusalText(refusal)),
  });
  say(greeting(receiver.url, known === undefined ? secret : undefined));
  if (!signals.requested.aborted) await once(signals.requested, 'abort');
  await receiver.close();
  signals.dispose();
  return EXIT.stopped;
}

/** A secret that was given is not shown again. */
function greeting(url: string, generated: string | undefined): string {
  return [
    `Webhooks to ${url} are shown here; Ctrl-C ends it. The gateway needs these settings:`,
    '',
    `  export SLUICE_WEBHOOK_SECRET=${generated ?? '<the secret that you gave here>'}`,
    '  export SLUICE_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8',
    '',
  ].join('\n');
}

function deliveryText({ id, again, body }: Delivery): string {
  return `${time()}  ${id}  signature right${again ? ', delivered before' : ''}\n${indented(body)}\n`;
}

function deliveryJson({ id, again, body }: Delivery): string {
  return JSON.stringify({ at: new Date().toISOString(), verified: true, id, again, body: parsed(body) });
}

function refusalText({ id, verdict }: Refusal): string {
  return `${time()}  ${id || 'no webhook-id'}  NOT VERIFIED, answered 401: ${WHY[verdict]}\n`;
}

function refusalJson({ id, verdict }: Refusal): string {
  return JSON.stringify({ at: new Date().toISOString(), verified: false, id, verdict, reason: WHY[verdict] });
}

function time(): string {
  return new Date().toISOString().slice(11, 23);
}

/** Through JSON in any case: its escapes keep control characters out of the terminal. */
function indented(body: Buffer): string {
  return JSON.stringify(parsed(body), undefined, 2).replaceAll(/^/gm, '  ');
}

function parsed(body: Buffer): unknown {
  const text = body.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
