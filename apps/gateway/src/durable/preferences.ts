/**
 * The headers that make a request durable, and what they ask for. None of them is ever ignored: what cannot be read is
 * refused. Prefer is RFC 7240's; Cancel-After and Webhook-Events are written as Replicate writes them.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { DELIVERY_EVENTS, SluiceError, type DeliveryEvent } from '#inference';

/** Any of these asks for more than an answer while the connection lasts. */
const DURABLE_HEADERS = ['prefer', 'idempotency-key', 'webhook-url'] as const;

/** What a bare `wait` means, and the most that may be asked for. */
const MAX_WAIT_S = 60;
const MAX_CANCEL_AFTER_MS = 30 * 24 * 3_600_000;
const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Events of services that answer piecemeal, which a client may name and which never come here. */
const NEVER = new Set(['output', 'logs']);

export interface Preferences {
  /** Milliseconds that the caller waits before it takes a 202; undefined when it said nothing of it. */
  waitMs?: number;
  /** What `Preference-Applied` says. */
  applied?: string;
}

export function isDurable(headers: IncomingHttpHeaders): boolean {
  return DURABLE_HEADERS.some((name) => headers[name] !== undefined);
}

export function preferencesOf(headers: IncomingHttpHeaders): Preferences {
  const text = text1(headers.prefer);
  if (text === undefined) return {};
  let wait: number | undefined;
  let async = false;
  for (const part of text.split(',')) {
    // What stands behind a semicolon are parameters, of which neither preference has any.
    const preference = part.split(';', 1)[0]!.trim().toLowerCase();
    if (preference === 'respond-async') async = true;
    else if (preference === 'wait') wait = MAX_WAIT_S;
    else if (preference.startsWith('wait')) wait = seconds(preference, text);
  }
  if (wait !== undefined)
    return { waitMs: wait * 1_000, applied: async ? `respond-async, wait=${wait}` : `wait=${wait}` };
  return async ? { waitMs: 0, applied: 'respond-async' } : {};
}

function seconds(preference: string, header: string): number {
  const wait = Number(/^wait\s*=\s*"?(\d{1,2})"?$/.exec(preference)?.[1]);
  if (wait >= 1 && wait <= MAX_WAIT_S) return wait;
  throw invalid('Prefer', header, `respond-async, wait, or wait=n with n from 1 to ${MAX_WAIT_S} was expected`);
}

/** `Cancel-After`, in milliseconds: `30s`, `5m`, `1h30m`, or bare seconds. */
export function cancelAfterOf(headers: IncomingHttpHeaders): number | undefined {
  const text = text1(headers['cancel-after']);
  if (text === undefined) return undefined;
  const ms = durationMs(text.trim());
  if (ms !== undefined && ms > 0 && ms <= MAX_CANCEL_AFTER_MS) return ms;
  throw invalid('Cancel-After', text, 'a duration above 0 and up to 30 days, such as 30s, 5m or 1h30m, was expected');
}

/** @returns undefined when it is no duration. */
function durationMs(text: string): number | undefined {
  if (/^\d{1,10}(\.\d{1,3})?$/.test(text)) return Math.round(Number(text) * 1_000);
  if (!/^(\d{1,10}(\.\d{1,3})?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, value, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) sum += Number(value) * UNIT_MS[unit!]!;
  return Math.round(sum);
}

export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const text = text1(headers['idempotency-key']);
  if (text === undefined) return undefined;
  // The IETF's draft writes it as a quoted string; most clients write it bare.
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw invalid('Idempotency-Key', text, 'up to 255 visible ASCII characters without blanks were expected');
}

/** What decides a split for a request that may be sent again: the same for the same key; undefined without one. */
export function chanceOf(headers: IncomingHttpHeaders): number | undefined {
  const key = idempotencyKeyOf(headers);
  return key === undefined ? undefined : createHash('sha256').update(key).digest().readUInt32LE() / 2 ** 32;
}

export interface WebhookWish {
  url: string;
  events: DeliveryEvent[];
}

/** What a body says of it, in a member for each header. */
export interface BodyWebhook {
  webhook?: string | undefined;
  webhook_events_filter?: string[] | undefined;
}

/** Each half from the headers or from the body. @throws HEADER_INVALID, INPUT_INVALID, also for a half that is in both */
export function webhookOf(headers: IncomingHttpHeaders, body: BodyWebhook = {}): WebhookWish | undefined {
  const { webhook, webhook_events_filter: filter } = body;
  const header = urlOf(headers);
  const list = text1(headers['webhook-events']);
  if (webhook !== undefined && header !== undefined) throw twice('webhook', 'Webhook-URL');
  if (filter !== undefined && list !== undefined) throw twice('webhook_events_filter', 'Webhook-Events');
  const url = webhook ?? header;
  if (url !== undefined) return { url, events: eventsOf(filter ?? list?.split(',')) };
  if (list !== undefined) throw invalid('Webhook-Events', list, 'it is for a request that has a Webhook-URL');
  if (filter === undefined) return undefined;
  throw new SluiceError(
    'INPUT_INVALID',
    'The body has webhook_events_filter and nobody to tell: webhook, or a Webhook-URL, was expected with it.',
  );
}

/** Who is told of a bulk run, of which there is nothing to tell but its end. @throws HEADER_INVALID */
export function bulkWebhookOf(headers: IncomingHttpHeaders): string | undefined {
  const cancelAfter = text1(headers['cancel-after']);
  if (cancelAfter !== undefined) {
    throw invalid('Cancel-After', cancelAfter, 'a bulk run has no such time: cancel it when it is to end');
  }
  const wish = webhookOf(headers);
  if (!wish || wish.events.join(',') === 'completed') return wish?.url;
  throw invalid('Webhook-Events', text1(headers['webhook-events']) ?? '', 'a bulk run tells of completed alone');
}

/**
 * Rows that are added to a bulk run are known by their place in it, and all else was said at its beginning.
 * @throws HEADER_INVALID
 */
export function checkRowsHeaders(headers: IncomingHttpHeaders): void {
  for (const name of ['idempotency-key', 'webhook-url', 'webhook-events', 'cancel-after'] as const) {
    const text = text1(headers[name]);
    if (text === undefined) continue;
    throw invalid(name, text, 'it is for the beginning of a bulk run; rows that are sent again are known by from=');
  }
}

/** Of a request that is answered while its caller waits, and is not kept. @throws HEADER_INVALID */
export function checkNotKept(headers: IncomingHttpHeaders): void {
  webhookOf(headers);
  const text = text1(headers['cancel-after']);
  if (text === undefined) return;
  throw invalid('Cancel-After', text, 'it is for a request that has Prefer, Idempotency-Key or Webhook-URL');
}

/** Node joins the values of headers that came twice, and a URL has no blank. */
function urlOf(headers: IncomingHttpHeaders): string | undefined {
  const url = text1(headers['webhook-url']);
  if (url === undefined || !/\s/.test(url)) return url;
  throw invalid('Webhook-URL', url, 'one URL without blanks was expected');
}

/** @param names all of the events that may be told when undefined: the end alone. */
function eventsOf(names: readonly string[] | undefined): DeliveryEvent[] {
  if (names === undefined) return ['completed'];
  const events = new Set<DeliveryEvent>();
  for (const name of names.map((each) => each.trim())) {
    const event = DELIVERY_EVENTS.find((known) => known === name);
    if (event) events.add(event);
    else if (!NEVER.has(name))
      throw invalid('The events filter', name, `some of ${DELIVERY_EVENTS.join(', ')} were expected`);
  }
  return [...events];
}

function text1(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

function twice(member: string, header: string): SluiceError {
  return new SluiceError('INPUT_INVALID', `The request has ${member} in its body and ${header}; one was expected.`);
}

function invalid(name: string, came: string, expected: string): SluiceError {
  return new SluiceError('HEADER_INVALID', `${name} is ${JSON.stringify(came.slice(0, 60))}; ${expected}.`);
}
