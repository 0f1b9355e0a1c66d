/** Odd pictures become what Pillow makes of them; dangerous and broken ones are refused by name. */
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { fixtureImage } from '../../../../../test/fixtures/packages.js';
import { decodeImage } from './decode.js';

const refusal = (code: string, message: RegExp): object => ({
  code,
  message: expect.stringMatching(message) as string,
});
const rgb = async (): Promise<Buffer> => Buffer.from((await decodeImage(fixtureImage('rgb.png'))).data);

function worst(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** A PNG whose header announces a size that its data does not have. */
function pngBomb(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, crc]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const data = deflateSync(Buffer.alloc(1 << 20));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

describe('a picture', () => {
  it('of lossless WebP or with alpha has the pixels of its PNG, alpha dropped and not composited', async () => {
    const expected = await rgb();
    for (const file of ['rgb.webp', 'rgba.png']) {
      expect(worst((await decodeImage(fixtureImage(file))).data, expected)).toBe(0);
    }
  });

  it('in gray, with or without alpha, becomes RGB of equal channels', async () => {
    const gray = (await decodeImage(fixtureImage('gray.png'))).data;
    expect([...gray.subarray(0, 6)]).toEqual([23, 23, 23, 26, 26, 26]);
    expect((await decodeImage(fixtureImage('gray-alpha.png'))).data).toEqual(gray);
  });

  it('with a palette becomes RGB', async () => {
    const { data, channels } = await decodeImage(fixtureImage('palette.png'));
    expect(channels).toBe(3);
    expect([...data.subarray(0, 3)]).toEqual([55, 17, 200]);
  });

  it('in CMYK keeps its colours as Pillow converts them, without a press profile', async () => {
    // JPEG rounding apart.
    expect(worst((await decodeImage(fixtureImage('cmyk.jpg'))).data, await rgb())).toBeLessThanOrEqual(8);
  });

  it('of 16 bits is scaled to 8, not clipped', async () => {
    const { data } = await decodeImage(fixtureImage('gray16.png'));
    const expected = await rgb();
    for (let i = 0; i < data.length; i += 3) expect(data[i]).toBe(expected[i]);
    const wide = await sharp(await rgb(), { raw: { width: 24, height: 16, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(wide).metadata()).depth).toBe('ushort');
    expect(worst((await decodeImage(wide)).data, expected)).toBeLessThanOrEqual(1);
  });

  it('with an embedded colour profile keeps its numbers', async () => {
    const raw = { raw: { width: 24, height: 16, channels: 3 } } as const;
    const profiled = await sharp(await rgb(), raw)
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const untouched = await sharp(profiled, { ignoreIcc: true }).raw().toBuffer();
    expect((await sharp(profiled).metadata()).icc).toBeDefined();
    expect(worst(untouched, await rgb())).toBeGreaterThan(3);
    expect(worst((await decodeImage(profiled)).data, untouched)).toBe(0);
  });

  it('of several frames is its first', async () => {
    const { data, width, height } = await decodeImage(fixtureImage('animated.gif'));
    expect([width, height]).toEqual([24, 16]);
    expect(data[0]).toBeLessThan(20);
    expect(data[23 * 3]).toBeGreaterThan(235);
  });

  // Red, green, blue, white in the corners as stored: where they are once the orientation is applied.
  it.each([
    [1, [24, 16], 'RGBW'],
    [2, [24, 16], 'GRWB'],
    [3, [24, 16], 'WBGR'],
    [4, [24, 16], 'BWRG'],
    [5, [16, 24], 'RBGW'],
    [6, [16, 24], 'BRWG'],
    [7, [16, 24], 'WGBR'],
    [8, [16, 24], 'GWRB'],
  ])('with EXIF orientation %i is turned upright', async (orientation, size, corners) => {
    const { data, width, height } = await decodeImage(fixtureImage(`orientation-${orientation}.jpg`));
    const colour = (x: number, y: number): string => {
      const at = (y * width + x) * 3;
      const bright = [...data.subarray(at, at + 3)].map((value) => (value > 128 ? '1' : '0')).join('');
      return (
        new Map([
          ['100', 'R'],
          ['010', 'G'],
          ['001', 'B'],
          ['111', 'W'],
        ]).get(bright) ?? '?'
      );
    };
    expect([width, height]).toEqual(size);
    expect(colour(2, 2) + colour(width - 3, 2) + colour(2, height - 3) + colour(width - 3, height - 3)).toBe(corners);
  });
});

describe('a refusal', () => {
  it.each([
    ['refused.tiff', /look like TIFF/],
    ['refused.bmp', /look like BMP/],
  ])('of %s names what came and what is accepted', async (file, message) => {
    await expect(decodeImage(fixtureImage(file))).rejects.toMatchObject(refusal('IMAGE_FORMAT_UNSUPPORTED', message));
    await expect(decodeImage(fixtureImage(file))).rejects.toThrow(/JPEG, PNG, WebP or GIF/);
  });

  it.each([
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', /SVG/],
    ['%PDF-1.7', /PDF/],
    ['\0\0\0\x1cftypavif', /AVIF/],
    ['{"input": 1}', /JSON/],
    ['no picture at all', /no picture format/],
  ])('of %j names what it looks like', async (text, message) => {
    await expect(decodeImage(Buffer.from(text, 'latin1'))).rejects.toMatchObject(
      refusal('IMAGE_FORMAT_UNSUPPORTED', message),
    );
  });

  it('of nothing says so', async () => {
    await expect(decodeImage(Buffer.alloc(0))).rejects.toMatchObject(refusal('BODY_EMPTY', /0 bytes/));
  });

  it.each(['orientation-1.jpg', 'rgb.png', 'gray16.png', 'animated.gif', 'rgb.webp'])(
    'meets %s when it is cut short',
    async (file) => {
      const whole = fixtureImage(file);
      const cut = whole.subarray(0, file.endsWith('gif') ? 900 : whole.length - 16);
      await expect(decodeImage(cut)).rejects.toMatchObject(refusal('IMAGE_UNDECODABLE', /damaged or cut short/));
    },
  );

  it('meets a picture of 50000 x 50000 before it is decoded', async () => {
    const start = performance.now();
    await expect(decodeImage(pngBomb(50_000, 50_000))).rejects.toMatchObject(refusal('IMAGE_TOO_LARGE', /50 million/));
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
