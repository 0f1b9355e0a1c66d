/** An input that looks like a picture, and what is proposed for its preprocessing. */
import type { OnnxValue } from '../../../../libs/inference/src/packages/onnx-file.js';

export interface PictureInput {
  name: string;
  channels: 1 | 3;
  layout: 'NCHW' | 'NHWC';
  /** As the file fixes them. */
  height: number | undefined;
  width: number | undefined;
  /** One picture a run, as torchvision's detectors take it. */
  isAlone: boolean;
}

export interface ImageProposal {
  image: Record<string, unknown>;
  guesses: string[];
}

/** Side of the pictures where the file leaves it open, and torchvision's resize to it. */
const USUAL_SIDE = 224;
const USUAL_RESIZE = 256;
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const NORMALISATION = 'image.color, image.mean, image.std: those of ImageNet in RGB; models of OpenCV or Caffe differ';

export function pictureInput({ name, dtype, shape = [] }: OnnxValue): PictureInput | undefined {
  if (!/^float(16|32)$/.test(dtype ?? '')) return undefined;
  const isAlone = shape.length === 3;
  const [first, second, third] = isAlone ? shape : shape.slice(1);
  if (third === undefined || shape.length > 4) return undefined;
  if (isChannels(first)) {
    return { name, channels: first, layout: 'NCHW', height: fixed(second), width: fixed(third), isAlone };
  }
  if (isChannels(third)) {
    return { name, channels: third, layout: 'NHWC', height: fixed(first), width: fixed(second), isAlone };
  }
  return undefined;
}

/** The middle of a resized picture, as classifiers of ImageNet take it. */
export function croppedImage({ height = USUAL_SIDE, width = USUAL_SIDE, ...input }: PictureInput): ImageProposal {
  if (input.channels === 1) return grayImage([height, width], input.layout);
  const shorterSide = Math.round((Math.min(height, width) * USUAL_RESIZE) / USUAL_SIDE);
  return {
    image: { resize: { shorterSide }, crop: [height, width], ...colors(input), ...IMAGENET },
    guesses: [
      'image.resize: torchvision resizes ImageNet pictures to 256 for a crop of 224, and so in proportion here',
      NORMALISATION,
    ],
  };
}

/** The whole picture: of the size that the file fixes, or with its shorter side brought to `side`. */
export function wholeImage({ height, width, ...input }: PictureInput, side: number): ImageProposal {
  const isFixed = height !== undefined && width !== undefined;
  if (input.channels === 1) return grayImage(isFixed ? [height, width] : undefined, input.layout);
  return {
    image: {
      resize: isFixed ? { exact: [height, width] } : { shorterSide: side },
      ...colors(input),
      ...IMAGENET,
    },
    guesses: [
      isFixed
        ? 'image.resize: the whole picture is brought to the size of the input, whatever its aspect'
        : `image.resize: the shorter side becomes ${side}, as torchvision has it`,
      NORMALISATION,
    ],
  };
}

export function colors({ layout, channels }: Pick<PictureInput, 'layout' | 'channels'>): Record<string, unknown> {
  return { color: channels === 1 ? 'GRAY' : 'RGB', scale: 1 / 255, ...(layout === 'NHWC' ? { layout } : {}) };
}

function grayImage(size: [number, number] | undefined, layout: PictureInput['layout']): ImageProposal {
  return {
    image: { ...(size ? { resize: { exact: size } } : {}), ...colors({ layout, channels: 1 }) },
    guesses: [
      'image.resize: the whole picture, whatever its aspect; {"shorterSide": …} and crop where training cut it',
      'image.scale: bytes become 0 to 1; mean and std where training subtracted and divided more',
    ],
  };
}

function isChannels(size: unknown): size is 1 | 3 {
  return size === 1 || size === 3;
}

function fixed(size: unknown): number | undefined {
  return typeof size === 'number' ? size : undefined;
}
