/**
 * A picture's pixels by the browser's own decoder, asked for as the service decodes them: EXIF orientation applied,
 * colour profiles ignored, the colours under transparency kept and the alpha channel dropped.
 *
 * A canvas multiplies colours with alpha and so loses what lies under transparency; a WebGL texture does not. Where
 * there is no WebGL, transparent pictures come with a warning.
 */
const AS_THE_SERVICE = { colorSpaceConversion: 'none', premultiplyAlpha: 'none', imageOrientation: 'from-image' };
const WARNING = 'Parts are transparent, and this browser cannot tell their colours: the service may answer otherwise.';

/** `{ pixels, warning? }`; pixels are RGB as engine/image/pixels.ts has them. @throws Error for what is no picture. */
export async function decodePicture(picture) {
  const bitmap = await createImageBitmap(picture, AS_THE_SERVICE).catch(() => {
    throw new Error(`The ${picture.size} bytes are no picture that this browser can decode.`);
  });
  const { width, height } = bitmap;
  const drawn = throughCanvas(bitmap);
  const exact = isOpaque(drawn) ? drawn : throughTexture(bitmap);
  bitmap.close();
  const pixels = { width, height, channels: 3, data: withoutAlpha(exact ?? drawn) };
  return exact ? { pixels } : { pixels, warning: WARNING };
}

function throughCanvas(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, width, height).data;
}

/** Undefined where there is no WebGL, or the picture is larger than a texture may be. */
function throughTexture(bitmap) {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return undefined;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const rgba = new Uint8Array(width * height * 4);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
  const isRead = gl.getError() === gl.NO_ERROR;
  // A page has few contexts; without this they would be waiting for the garbage collector.
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return isRead ? rgba : undefined;
}

function isOpaque(rgba) {
  for (let alpha = 3; alpha < rgba.length; alpha += 4) if (rgba[alpha] !== 255) return false;
  return true;
}

function withoutAlpha(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = rgba[from];
    rgb[to + 1] = rgba[from + 1];
    rgb[to + 2] = rgba[from + 2];
  }
  return rgb;
}
