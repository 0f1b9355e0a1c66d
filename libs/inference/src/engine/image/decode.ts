/**
 * Turns an encoded picture into pixels, the way Pillow does: profiles ignored, alpha dropped, CMYK converted without a
 * profile, 16 bits scaled to 8, first frame of an animation, EXIF orientation applied. The only file that opens sharp.
 *
 * Invariants: only the decoders of four formats can be reached; a header that announces more than MAX_PIXELS is
 * refused before any pixel is decoded; cut or corrupt data is refused, never filled up with gray.
 */
import sharp, { type Sharp } from 'sharp';
import { SluiceError } from '../../errors.js';
import { ACCEPTED_FORMATS, guessFormat, sniffFormat, type ImageFormat } from './format.js';
import { jpegComponents } from './jpeg.js';
import { cmykToRgb, MAX_PIXELS, type Pixels } from './pixels.js';

/** Of low priority, a process gets a twentieth of a processor that others want too. */
const MAX_SECONDS = { usual: 5, inBackground: 100 };
let maxSeconds = MAX_SECONDS.usual;

// One thread for each picture: parallelism comes from several pictures, and the cores belong to the model.
sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer',
  ],
});

/** This process is of low priority. */
export function decodeInBackground(): void {
  maxSeconds = MAX_SECONDS.inBackground;
}

export async function decodeImage(bytes: Uint8Array): Promise<Pixels> {
  const format = formatOf(bytes);
  try {
    const picture = open(bytes, MAX_PIXELS).timeout({ seconds: maxSeconds });
    const isCmyk = format === 'JPEG' && jpegComponents(bytes) === 4;
    // Left to itself, libvips converts CMYK through a press profile; Pillow, and so training, does not.
    if (isCmyk) picture.pipelineColourspace('cmyk').toColourspace('cmyk');
    else picture.toColourspace('srgb').removeAlpha();
    const { data, info } = await picture.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: 3, data: isCmyk ? cmykToRgb(data) : data };
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    throw /pixel limit/i.test(text) ? await tooLarge(bytes) : undecodable(text);
  }
}

/** Only the header is read here; more than `mostPixels` in it fail whatever is asked for next. */
function open(bytes: Uint8Array, mostPixels: number | false): Sharp {
  return sharp(bytes, {
    failOn: 'error',
    limitInputPixels: mostPixels,
    unlimited: false,
    pages: 1,
    sequentialRead: true,
    autoOrient: true,
    ignoreIcc: true,
  });
}

function formatOf(bytes: Uint8Array): ImageFormat {
  const accepted = `Send ${ACCEPTED_FORMATS.slice(0, -1).join(', ')} or ${ACCEPTED_FORMATS.at(-1)}.`;
  if (bytes.byteLength === 0) throw new SluiceError('BODY_EMPTY', `The picture is empty (0 bytes). ${accepted}`);
  const format = sniffFormat(bytes);
  if (format) return format;
  const guess = guessFormat(bytes);
  const what = guess ? `look like ${guess}` : 'are no picture format that is known here';
  throw new SluiceError('IMAGE_FORMAT_UNSUPPORTED', `The ${bytes.byteLength} bytes ${what}. ${accepted}`);
}

async function tooLarge(bytes: Uint8Array): Promise<SluiceError> {
  const { width, height } = await open(bytes, false).metadata();
  return new SluiceError(
    'IMAGE_TOO_LARGE',
    `The picture has ${width}x${height} pixels; at most ${MAX_PIXELS / 1e6} million are accepted. Send a smaller version.`,
  );
}

function undecodable(text: string): SluiceError {
  if (/timeout/i.test(text)) {
    return new SluiceError(
      'IMAGE_UNDECODABLE',
      `Decoding the picture took more than ${maxSeconds} s. Send a smaller version.`,
    );
  }
  const reason = text.split('\n')[0]!.slice(0, 160);
  return new SluiceError(
    'IMAGE_UNDECODABLE',
    `The picture is damaged or cut short (${reason}). Send the whole file again.`,
  );
}
