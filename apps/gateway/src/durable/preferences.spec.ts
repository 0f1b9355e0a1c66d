/** What the headers of a request ask for, and that none of them is ignored. */
import { bulkWebhookOf, checkNotKept, preferencesOf, webhookOf } from './preferences.js';

const URL = 'https://a.example/';

it.each([
  ['respond-async', { waitMs: 0, applied: 'respond-async' }],
  ['respond-async; x=y', { waitMs: 0, applied: 'respond-async' }],
  ['wait=5 ;x="y", respond-async', { waitMs: 5_000, applied: 'respond-async, wait=5' }],
  ['return=minimal', {}],
])('Prefer: %s is understood, whatever its parameters', (prefer, asks) => {
  expect(preferencesOf({ prefer })).toEqual(asks);
});

describe('a webhook', () => {
  it.each([
    [{ 'webhook-url': URL }, {}, ['completed']],
    [{ 'webhook-url': URL, 'webhook-events': 'start, completed' }, {}, ['start', 'completed']],
    [{}, { webhook: URL, webhook_events_filter: ['start'] }, ['start']],
    [{ 'webhook-url': URL }, { webhook_events_filter: ['start'] }, ['start']],
    [{ 'webhook-events': 'start' }, { webhook: URL }, ['start']],
  ])('has each half from the headers %j or from the body %j', (headers, body, events) => {
    expect(webhookOf(headers, body)).toEqual({ url: URL, events });
  });

  it.each([
    [{ 'webhook-url': URL }, { webhook: URL }, 'INPUT_INVALID'],
    [{ 'webhook-events': 'start' }, { webhook: URL, webhook_events_filter: ['start'] }, 'INPUT_INVALID'],
    [{}, { webhook_events_filter: ['start'] }, 'INPUT_INVALID'],
    [{ 'webhook-events': 'start' }, {}, 'HEADER_INVALID'],
    // As Node joins two.
    [{ 'webhook-url': `${URL}, ${URL}` }, {}, 'HEADER_INVALID'],
  ])('is refused with the headers %j and the body %j', (headers, body, code) => {
    expect(() => webhookOf(headers, body)).toThrow(expect.objectContaining({ code }));
  });
});

describe('a bulk run', () => {
  it.each([{}, { 'webhook-events': 'completed' }, { prefer: 'wait=5' }])('has a webhook with %j', (headers) => {
    expect(bulkWebhookOf({ 'webhook-url': URL, ...headers })).toBe(URL);
  });

  it.each([{ 'webhook-events': 'start, completed' }, { 'webhook-events': 'soon' }, { 'cancel-after': '5m' }])(
    'has none with %j',
    (headers) => {
      expect(() => bulkWebhookOf({ 'webhook-url': URL, ...headers })).toThrow(
        expect.objectContaining({ code: 'HEADER_INVALID' }),
      );
    },
  );
});

it.each([{ 'cancel-after': 'soon' }, { 'webhook-events': 'start' }])(
  'a request that is not kept is refused with %j',
  (headers) => {
    expect(() => checkNotKept(headers)).toThrow(expect.objectContaining({ code: 'HEADER_INVALID' }));
  },
);
