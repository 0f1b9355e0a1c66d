// Proves: `sluice model add` sends what a gateway needs to register a package, streamed and refused early where it can be,
// waits for its verification without asking more than it must, and says by its exit code how it went.
import {
  createReadStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PackageStore, ingest } from '#inference';
import { fixtureModel } from '../fixtures/packages.js';
import { Child } from '../support/child.js';
import { sluice, type Ended } from '../support/sluice.js';
import { StubGateway, type Asked } from '../support/stub-gateway.js';
import { until } from '../support/until.js';

const ROUTE = 'POST /v1/models';
const VERSION = 'GET /v1/models/row_sum/versions/1';
const folder = mkdtempSync(join(tmpdir(), 'sluice-add-'));
let gateway: StubGateway;
beforeAll(async () => {
  gateway = await StubGateway.start();
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});
afterEach(() => gateway.forget());

const view = (state: string, more: object = {}) => ({ json: { name: 'row_sum', version: '1', state, ...more } });
const add = (...args: string[]): Promise<Ended> =>
  sluice(['model', 'add', ...args], { env: { SLUICE_URL: gateway.url, TMPDIR: folder } });

/** The package that a gateway would make of what came. */
async function packageOf({ body, headers, query }: Asked): Promise<{ name: string; version: string; files: string[] }> {
  const sent = join(folder, 'sent');
  writeFileSync(sent, body);
  const fileName = decodeURIComponent(/filename\*=UTF-8''(.*)$/.exec(headers['content-disposition']!)![1]!);
  const store = await PackageStore.open(join(folder, 'store'));
  const { name, version, files } = await ingest(
    store,
    { bytes: createReadStream(sent), fileName },
    { name: query['name'], version: query['version'] },
  );
  return { name, version, files: files.map((file) => file.name) };
}

describe('what is sent', () => {
  beforeEach(() => gateway.on(ROUTE, view('available', { notes: ['The gateway noted this.'] })));

  it('a folder goes as the archive of its package, whose length is known before', async () => {
    const ended = await add(fixtureModel('row_sum'));
    expect(ended).toEqual({
      code: 0,
      stdout: 'row_sum:1 is available.\n',
      stderr:
        'There is no model.json: the model takes and gives tensors, with every default.\nThe gateway noted this.\n',
    });
    const asked = gateway.asked[0]!;
    expect(asked).toMatchObject({ route: ROUTE, query: {} });
    expect(asked.headers).toMatchObject({ 'content-type': 'application/x-tar', 'content-length': String(asked.bytes) });
    expect(asked.headers.prefer).toMatch(/^wait=\d+$/);
    expect(await packageOf(asked)).toEqual({ name: 'row_sum', version: '1', files: ['model.json', 'model.onnx'] });
  });

  it('a bare model goes with its weights, under the name that is given', async () => {
    const args = ['--name', 'mine', '--version', '7', '--default', '--no-load', '--no-wait'];
    expect((await add(join(fixtureModel('external_weights'), 'model.onnx'), ...args)).code).toBe(0);
    const asked = gateway.asked[0]!;
    expect(asked.query).toEqual({ default: 'true', load: 'false' });
    expect(asked.headers.prefer).toBeUndefined();
    expect(await packageOf(asked)).toEqual({
      name: 'mine',
      version: '7',
      files: ['model.json', 'model.onnx', 'model.onnx.data'],
    });
  });

  it.each([
    ['net-3.tar.gz', 'application/gzip'],
    ['net-3.zip', 'application/zip'],
    ['net-3.tar', 'application/x-tar'],
  ])('an archive as %s goes as it is', async (file, type) => {
    const archive = join(folder, file);
    const pack = ['model', 'pack', fixtureModel('row_sum'), '--name', 'net', '--version', '3', '-o', archive];
    expect((await sluice(pack)).code).toBe(0);
    expect((await add(archive, '--version', '4')).code).toBe(0);
    const asked = gateway.asked[0]!;
    expect(asked.body).toEqual(readFileSync(archive));
    expect(asked.headers['content-type']).toBe(type);
    expect(asked.query).toEqual({ version: '4' });
    expect(await packageOf(asked)).toMatchObject({ name: 'net', version: '4' });
  });

  it('nothing goes of what a gateway would refuse', async () => {
    const broken = join(folder, 'broken.onnx');
    writeFileSync(broken, 'no model');
    const ended = await add(broken);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^PACKAGE_INVALID: broken\.onnx is no ONNX model/);
    expect(await add(join(folder, 'nothing'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^There is no/),
    });
    expect(gateway.asked).toEqual([]);
  });

  it('and nothing of it stays on this machine', () => {
    expect(readdirSync(folder).filter((name) => name.startsWith('sluice-package-'))).toEqual([]);
  });
});

describe('waiting', () => {
  it('asks again only when the gateway has stopped waiting, until the version is settled', async () => {
    gateway.on(ROUTE, view('registered')).on(VERSION, view('verifying'), view('available', { more: 1 }));
    const ended = await add(fixtureModel('row_sum'), '--json');
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual(view('available', { more: 1 }).json);
    expect(gateway.asked.map(({ route }) => route)).toEqual([ROUTE, VERSION, VERSION]);
  });

  describe('a version that failed', () => {
    const checks = [{ check: 'load', status: 'failed', ms: 3, message: 'opset 99' }];
    const failed = view('failed', { reason: 'opset 99', report: { checks } });
    const detail = { code: 'VERIFICATION_FAILED', detail: 'opset 99', name: 'row_sum', version: '1' };
    const refused = { status: 422, json: detail };

    it.each([
      ['after it was asked for again', view('verifying')],
      ['while the gateway waited', refused],
    ])('%s is exit code 1, with its report and its reason', async (_, first) => {
      gateway.on(ROUTE, first).on(VERSION, failed);
      const { code, stdout, stderr } = await add(fixtureModel('row_sum'));
      expect(code).toBe(1);
      expect(stdout).toContain('✗ load');
      expect(stderr).toContain('row_sum:1 failed: opset 99');
      expect(gateway.asked).toHaveLength(2);
    });

    it('is told by the sentence alone where nothing more can be had', async () => {
      gateway.on(ROUTE, refused);
      const { code, stdout, stderr } = await add(fixtureModel('row_sum'));
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/VERIFICATION_FAILED: opset 99\n$/);
    });
  });

  it('says who is asked where a model has several versions and no default', async () => {
    const versions = [view('ready').json, { ...view('ready').json, version: '0' }];
    const model = (more: object) => ({ json: { name: 'row_sum', versions, ...more } });
    gateway.on(ROUTE, view('ready')).on('GET /v1/models/row_sum', model({ default: null }));
    const ended = await add(fixtureModel('row_sum'));
    expect(ended).toMatchObject({ code: 0, stdout: 'row_sum:1 is ready.\n' });
    expect(ended.stderr).toMatch(
      /^row_sum has no default, so requests without a version go to its newest that is ready\./m,
    );
    for (const silent of [model({ default: '0' }), model({ versions: [versions[0]] })]) {
      gateway.forget();
      gateway.on(ROUTE, view('ready')).on('GET /v1/models/row_sum', silent);
      expect((await add(fixtureModel('row_sum'))).stderr).not.toContain('no default');
    }
  });

  it('waits with --default until it is the default', async () => {
    gateway
      .on(ROUTE, view('available'))
      .on(VERSION, view('loading', { named_by: [] }), view('ready', { named_by: ['alias a', 'default'] }));
    const ended = await add(fixtureModel('row_sum'), '--default');
    expect(ended).toMatchObject({ code: 0, stdout: 'row_sum:1 is ready, and the default.\n' });
    gateway.on(VERSION, view('available', { named_by: [] }));
    const late = await add(fixtureModel('row_sum'), '--default', '--wait', '1');
    expect(late.code).toBe(4);
    expect(late.stderr).toMatch(/row_sum:1 is available, but not the default yet after 1 s/);
    expect((await add(fixtureModel('row_sum'), '--default', '--no-load')).code).toBe(0);
  });

  it('ends with exit code 4 when the time is over', async () => {
    gateway.on(ROUTE, view('registered')).on(VERSION, view('verifying'));
    const ended = await add(fixtureModel('row_sum'), '--wait', '1');
    expect(ended.code).toBe(4);
    expect(ended.stderr).toMatch(/row_sum:1 is still verifying after 1 s/);
    expect(gateway.asked[0]!.headers.prefer).toBe('wait=1');
  });

  it('not at all with --no-wait', async () => {
    gateway.on(ROUTE, view('registered'));
    expect(await add(fixtureModel('row_sum'), '--no-wait')).toMatchObject({
      code: 0,
      stdout: 'row_sum:1 is registered.\n',
    });
    expect(gateway.asked).toHaveLength(1);
  });

  it('outlives a gateway that is away for a moment', async () => {
    const away = { status: 503, json: { code: 'QUEUE_UNAVAILABLE', detail: 'Later.' } };
    gateway.on(ROUTE, view('registered')).on(VERSION, away, view('available'));
    expect(await add(fixtureModel('row_sum'))).toMatchObject({ code: 0, stdout: 'row_sum:1 is available.\n' });
  });
});

describe('a large archive', () => {
  const large = join(folder, 'large.zip');
  const BYTES = 600_000_000;
  beforeAll(() => {
    writeFileSync(large, 'PK\x03\x04');
    truncateSync(large, BYTES);
  });
  const start = (): Child =>
    new Child('dist/apps/cli/src/main.js', { SLUICE_URL: gateway.url }, ['model', 'add', large]);

  (existsSync('/proc/self/status') ? it : it.skip)('is sent without ever being in memory', async () => {
    let most = 0;
    gateway.on(ROUTE, () => {
      most = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]);
      return view('available');
    });
    const child = start();
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(gateway.asked[0]!.bytes).toBe(BYTES);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(300_000);
  });

  it('is not sent on when the gateway has refused it', async () => {
    const json = { code: 'SCOPE_REQUIRED', detail: 'This key lacks the scope admin.' };
    gateway.on(ROUTE, { status: 403, json, isEarly: true });
    const child = start();
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.log).toBe('SCOPE_REQUIRED: This key lacks the scope admin.\n');
  });

  it.each([
    [{ code: 'SCOPE_REQUIRED', detail: 'This key lacks the scope admin.' }, 1, /^SCOPE_REQUIRED: /],
    [{ code: 'BODY_EMPTY', detail: 'The body is empty.' }, 4, /does not answer/],
  ])('whose refusal was lost with its connection is asked about again: %j', async (json, code, text) => {
    gateway.on(ROUTE, { breaks: true }, { status: 403, json });
    const child = start();
    expect(await child.exited).toEqual({ code, signal: null });
    expect(child.log).toMatch(text);
    expect(gateway.asked.map(({ route, headers }) => [route, headers['content-length']])).toEqual([
      [ROUTE, String(BYTES)],
      [ROUTE, '0'],
    ]);
  });

  it('stops by Ctrl-C, in order', async () => {
    gateway.on(ROUTE, () => new Promise(() => undefined));
    const child = start();
    await until('the gateway has begun to read', () => (gateway.asked[0]?.bytes ?? 0) > 0);
    child.kill('SIGINT');
    expect(await child.exited).toEqual({ code: 130, signal: null });
    expect(child.log).toMatch(/^Stopped\./);
  });
});

it.each([[[]], [['a', 'b']], [['a', '--wait', 'x']], [['a', '--wait', '1', '--no-wait']], [['a', '--name', 'A']]])(
  'refuses %j with the usage and exit code 2',
  async (args) => {
    const ended = await add(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('Usage:');
    expect(gateway.asked).toEqual([]);
  },
);
