/**
 * A picture's pixels by the browser's own decoder, asked for as the service decodes them: EXIF orientation applied,
 * colour profiles ignored.
 *
 * A canvas cannot give back the colours under transparency, which the service keeps while it drops the alpha channel:
 * such pictures come with a warning, for their scores may differ.
 */
const AS_THE_SERVICE = { colorSpaceConversion: 'none', premultiplyAlpha: 'none', imageOrientation: 'from-image' };

/** `{ pixels, warning? }`; pixels are RGB as engine/image/pixels.ts has them. @throws Error for what is no picture. */
export async function decodePicture(picture) {
  const bitmap = await createImageBitmap(picture, AS_THE_SERVICE).catch(() => {
    throw new Error(`The ${picture.size} bytes are no picture that this browser can decode.`);
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  let isOpaque = true;
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from];
    data[to + 1] = rgba[from + 1];
    data[to + 2] = rgba[from + 2];
    isOpaque &&= rgba[from + 3] === 255;
  }
  const pixels = { width, height, channels: 3, data };
  return isOpaque ? { pixels } : { pixels, warning: 'Parts are transparent: the service may see other colours there.' };
}
