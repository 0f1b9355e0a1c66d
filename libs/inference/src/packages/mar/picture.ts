/** How TorchServe's handlers prepare pictures, made to fit what the model takes. */
import type { OnnxValue } from '../onnx-file.js';

/** ImageClassifier.image_processing: Resize(256), CenterCrop(224), ToTensor, Normalize. */
const RESIZE = 256;
const CROP = 224;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];
/** Smaller inputs than this are digits and icons, which fill their picture: cropped, they lose their edges. */
const CROPPED_FROM = 96;

export interface Picture {
  image: Record<string, unknown>;
  notes: string[];
}

interface Form {
  color: 'RGB' | 'GRAY';
  layout: 'NCHW' | 'NHWC';
  /** Height and width, where the file fixes them. */
  size: [number, number] | undefined;
}

/** As image_classifier and image_segmenter do it. */
export function pictureFor(input: OnnxValue | undefined): Picture {
  const form = formOf(input);
  const { color, layout, size = [CROP, CROP] } = form;
  const [height, width] = size;
  const notes: string[] = [];
  const longer = Math.max(height, width);
  const cropped = longer >= CROPPED_FROM;
  const resize = cropped ? { shorterSide: Math.round((longer * RESIZE) / CROP) } : { exact: size };
  if (height !== CROP || width !== CROP) {
    const how = cropped ? 'resized and cropped in proportion' : 'resized to it, without a crop';
    notes.push(`The model takes pictures of ${height}x${width} and not of ${CROP}x${CROP}: they are ${how}.`);
  }
  if (color === 'GRAY') {
    notes.push(
      'The model takes gray pictures, for which the handler has no mean and deviation: pixels go from 0 to 1. Trained otherwise, put a model.json into the archive.',
    );
  }
  const normal = color === 'RGB' ? { mean: MEAN, std: STD } : {};
  return { image: { color, layout, resize, ...(cropped && { crop: size }), ...normal }, notes };
}

/** As object_detector does it: ToTensor alone. */
export function plainPictureFor(input: OnnxValue | undefined): Picture {
  const { color, layout, size } = formOf(input);
  if (!size) return { image: { color, layout }, notes: [] };
  const note = `The model takes pictures of ${size[0]}x${size[1]} alone: they are resized to it, whatever their aspect.`;
  return { image: { color, layout, resize: { exact: size } }, notes: [note] };
}

function formOf(input: OnnxValue | undefined): Form {
  const shape = input?.shape ?? [];
  const isChannels = (axis: unknown): axis is 1 | 3 => axis === 1 || axis === 3;
  const last = shape.length === 4 && isChannels(shape[3]) && !isChannels(shape[1]);
  const channels = last ? shape[3] : shape.length === 3 ? shape[0] : shape[1];
  const sides = shape.length === 3 ? shape.slice(1) : last ? shape.slice(1, 3) : shape.slice(2, 4);
  const [height, width] = sides;
  return {
    color: channels === 1 ? 'GRAY' : 'RGB',
    layout: last ? 'NHWC' : 'NCHW',
    size:
      typeof height === 'number' && typeof width === 'number' && height > 0 && width > 0 ? [height, width] : undefined,
  };
}
