// Proves: a gateway that has not seen yet what is served says "not yet", and never "not found", on which clients give up.
import 'reflect-metadata';
import { startInProcessGateway, type InProcessGateway } from '../support/gateway-in-process.js';
import { postJson, sevenRow } from '../support/http.js';

let gateway: InProcessGateway;
// Inside a test it never looks at all.
beforeAll(async () => (gateway = await startInProcessGateway({})));
afterAll(() => gateway.close());

it.each([
  ['/predict', sevenRow()],
  ['/predict/digits', sevenRow()],
  ['/predict/digits/1', sevenRow()],
  ['/v1/predictions', { ...sevenRow(), model: 'digits' }],
  ['/v1/predictions', { ...sevenRow(), version: 'digits:1' }],
])('POST %s is MODEL_NOT_READY with Retry-After', async (path, body) => {
  const answer = await postJson(gateway.url + path, body);
  expect(answer).toMatchObject({ status: 503, json: { code: 'MODEL_NOT_READY' } });
  expect(answer.headers['retry-after']).toBe('1');
});
