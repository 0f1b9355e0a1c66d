/** What is proposed for models that take pictures: one input [N, channels, height, width] of floating point numbers. */
import type { OnnxValue } from '../../../../libs/inference/src/packages/onnx-file.js';
import type { InspectedModel } from './inspected-model.js';
import { labelsProposal } from './labels-proposal.js';
import type { Proposal } from './proposal.js';

/** Side of the pictures where the file leaves it open, and torchvision's resize to it. */
const USUAL_SIDE = 224;
const USUAL_RESIZE = 256;
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

export interface PictureInput {
  name: string;
  channels: 1 | 3;
  layout: 'NCHW' | 'NHWC';
  /** As the file fixes it. */
  height: number | undefined;
  width: number | undefined;
}

export function proposePicture(model: InspectedModel): Proposal | undefined {
  const { inputs, outputs } = model.header;
  const [input, ...others] = inputs;
  const picture = input && others.length === 0 ? pictureInput(input) : undefined;
  const [output] = outputs;
  if (!picture || !output) return undefined;
  return classification(picture, output, model);
}

export function pictureInput({ name, dtype, shape }: OnnxValue): PictureInput | undefined {
  if (!/^float(16|32)$/.test(dtype ?? '') || shape?.length !== 4) return undefined;
  const [, second, third, fourth] = shape;
  const isChannels = (size: unknown): size is 1 | 3 => size === 1 || size === 3;
  const fixed = (size: unknown): number | undefined => (typeof size === 'number' ? size : undefined);
  if (isChannels(second)) {
    return { name, channels: second, layout: 'NCHW', height: fixed(third), width: fixed(fourth) };
  }
  if (isChannels(fourth)) {
    return { name, channels: fourth, layout: 'NHWC', height: fixed(second), width: fixed(third) };
  }
  return undefined;
}

function classification(picture: PictureInput, output: OnnxValue, model: InspectedModel): Proposal | undefined {
  const [, classes, ...rest] = output.shape ?? [];
  if (typeof classes !== 'number' || classes < 2 || rest.some((size) => size !== 1)) return undefined;
  const { image, guesses } = imageProposal(picture);
  const labels = labelsProposal(model, classes);
  const isSoftmax = /softmax|prob/i.test(output.name) || model.header.operators['Softmax'] === 1;
  return {
    manifest: {
      task: 'image-classification',
      image,
      output: { activation: isSoftmax ? 'none' : 'softmax', ...labels.output },
    },
    guesses: [
      `task: the input ${picture.name} is a picture, the output ${output.name} a score for each of ${classes} classes`,
      ...guesses,
      isSoftmax
        ? `output.activation: "none", for the model seems to end in a softmax itself`
        : `output.activation: the output ${output.name} is taken for logits; "none" where it is a softmax already`,
      ...labels.guesses,
    ],
  };
}

export interface ImageProposal {
  image: Record<string, unknown>;
  guesses: string[];
}

function imageProposal({ channels, layout, height = USUAL_SIDE, width = USUAL_SIDE }: PictureInput): ImageProposal {
  const form = layout === 'NHWC' ? { layout } : {};
  if (channels === 1) {
    return {
      image: { resize: { exact: [height, width] }, color: 'GRAY', scale: 1 / 255, ...form },
      guesses: [
        'image.resize: the whole picture, whatever its aspect; {"shorterSide": …} and crop where training cut it',
        'image.scale: bytes become 0 to 1; mean and std where training subtracted and divided more',
      ],
    };
  }
  const shorterSide = Math.round((Math.min(height, width) * USUAL_RESIZE) / USUAL_SIDE);
  return {
    image: { resize: { shorterSide }, crop: [height, width], color: 'RGB', scale: 1 / 255, ...IMAGENET, ...form },
    guesses: [
      'image.resize: torchvision resizes ImageNet pictures to 256 for a crop of 224, and so in proportion here',
      'image.color, image.mean, image.std: those of ImageNet in RGB; models of OpenCV or Caffe differ',
    ],
  };
}
