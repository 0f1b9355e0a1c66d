// Proves: an archive of pictures is read in the order of its names and never beyond its limits, whatever is in it.
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { ask } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { ended, results } from '../support/rows.js';
import { Stack } from '../support/stack.js';

const models = new ModelsFolder().digits().fixtures('row_sum');
const seven = readFileSync('examples/digits/seven.png');
let stack: Stack;
let batches: string;
beforeAll(async () => {
  stack = await Stack.start({
    models: models.path,
    gatewayEnv: {
      SLUICE_DEFAULT_MODEL: 'digits',
      SLUICE_MAX_BODY_BYTES: '100000',
      SLUICE_MAX_JSON_BYTES: '20000',
      SLUICE_MAX_BATCH_BYTES: '1000000',
      SLUICE_MAX_SPOOL_BYTES: '500000',
    },
    awaits: ['row_sum'],
  });
  batches = `${stack.url}/v1/batches`;
});
afterAll(async () => {
  await stack.close();
  models.remove();
});

type File = [name: string, content: Buffer, options?: { mode?: number; compress?: boolean }];

function zip(files: readonly File[]): Promise<Buffer> {
  const archive = new ZipFile();
  for (const [name, content, options = {}] of files) archive.addBuffer(content, name, options);
  archive.end();
  return buffer(archive.outputStream as never);
}

const send = (body: Buffer, query = '?model=digits') =>
  ask(batches + query, { headers: { 'content-type': 'application/zip' }, body });

it('runs the files in the order of their names, each called by its name, and a damaged one fails alone', async () => {
  const body = await zip([
    ['b/2.png', seven],
    ['b/10.png', seven],
    ['a.png', Buffer.from('no picture')],
    ['__MACOSX/._a.png', Buffer.from('x')],
    ['b/.DS_Store', Buffer.from('x')],
    ['c/empty.png', Buffer.alloc(0)],
    ['c/large.png', Buffer.alloc(100_001, 'noise, but not much'), { compress: false }],
    ['d/bomb.png', Buffer.alloc(90_000)],
  ]);
  const { status, json } = await send(body);
  expect(status).toBe(202);
  expect(await ended(`${batches}/${json.id}`)).toMatchObject({ committed: 6, rows: { succeeded: 2, failed: 4 } });
  const lines = await results(`${batches}/${json.id}`);
  expect(lines.map(({ name, output, error }) => [name, output?.label ?? error!.code])).toEqual([
    ['a.png', 'IMAGE_FORMAT_UNSUPPORTED'],
    ['b/10.png', '7'],
    ['b/2.png', '7'],
    ['c/empty.png', 'BODY_EMPTY'],
    ['c/large.png', 'BODY_TOO_LARGE'],
    ['d/bomb.png', 'IMAGE_UNDECODABLE'],
  ]);
});

it('takes a picture of a line as large as one that is sent alone, and numbers within the limit of JSON', async () => {
  // Decoders pass over what follows a picture.
  const photo = (bytes: number) => Buffer.concat([seven, Buffer.alloc(bytes - seven.length)]).toString('base64');
  const numbers = Array.from({ length: 30_000 }, () => 1);
  const lines = [{ custom_id: 'photo', input: photo(100_000) }, { input: photo(110_000) }, { input: numbers }];
  const { json } = await ask(`${batches}?model=digits`, {
    headers: { 'content-type': 'application/jsonl' },
    body: lines.map((line) => JSON.stringify(line)).join('\n'),
  });
  await ended(`${batches}/${json.id}`);
  const found = await results(`${batches}/${json.id}`);
  expect(found.map(({ output, error }) => output?.label ?? error!.code)).toEqual([
    '7',
    'BODY_TOO_LARGE',
    'BODY_TOO_LARGE',
  ]);
});

it('goes on in an archive that is sent again, without the files that are there', async () => {
  const first = await send(await zip([['1.png', seven]]), '?model=digits&seal=false');
  const again = await ask(`${batches}/${first.json.id}/rows?from=0`, {
    headers: { 'content-type': 'application/zip' },
    body: await zip([
      ['1.png', seven],
      ['2.png', seven],
    ]),
  });
  expect(again.json.committed).toBe(2);
  await ended(`${batches}/${first.json.id}`);
  expect((await results(`${batches}/${first.json.id}`)).map((line) => line.name)).toEqual(['1.png', '2.png']);
});

/** yazl makes no such names; they are as long as what they replace. */
function renamed(body: Buffer, from: string, to: string): Buffer {
  return Buffer.from(body.toString('latin1').replaceAll(from, to), 'latin1');
}

it.each([
  ['leads out of it', 'xx/x.png', '../x.png'],
  ['is absolute', 'xx/x.png', '/x/x.png'],
  ['is on a drive', 'xx/x.png', 'C:/x.png'],
])('refuses an archive a name of which %s, whole', async (_what, from, to) => {
  const body = renamed(
    await zip([
      ['a.png', seven],
      [from, seven],
    ]),
    from,
    to,
  );
  expect(await send(body)).toMatchObject({ status: 400, json: { code: 'BODY_MALFORMED' } });
});

it('refuses links, what is no archive, one that was cut, and pictures for a model of tensors', async () => {
  const link = await zip([['link', Buffer.from('/etc/passwd'), { mode: 0o120777 }]]);
  const whole = await zip([['a.png', seven]]);
  for (const body of [link, Buffer.from('no archive at all'), whole.subarray(0, -10)]) {
    expect(await send(body)).toMatchObject({ status: 400, json: { code: 'BODY_MALFORMED' } });
  }
  expect(await send(whole, '?model=row_sum')).toMatchObject({ status: 415, json: { code: 'MEDIA_TYPE_UNSUPPORTED' } });
});

it('refuses more bytes than it may unpack, and more than archives may take of the disk', async () => {
  const files = Array.from({ length: 20 }, (_, i): File => [`${i}.png`, Buffer.alloc(60_000, `${i} and so on`)]);
  expect(await send(await zip(files))).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
  const large = await zip([['a.png', Buffer.alloc(600_000), { compress: false }]]);
  expect(await send(large)).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
  expect((await send(await zip([['a.png', seven]]))).status).toBe(202);
});
