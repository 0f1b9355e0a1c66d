/** What is proposed for models that take pictures, by what comes out of them. */
import type { OnnxValue } from '../../../../libs/inference/src/packages/onnx-file.js';
import { proposeDetection } from './detection-proposal.js';
import type { InspectedModel } from './inspected-model.js';
import { labelsProposal } from './labels-proposal.js';
import { croppedImage, pictureInput, wholeImage, type PictureInput } from './picture-input.js';
import type { Proposal } from './proposal.js';

/** torchvision's segmenters. */
const SEGMENTATION_SIDE = 520;
const MOST_CLASSES = 255;

export function proposePicture(model: InspectedModel): Proposal | undefined {
  const { inputs, outputs } = model.header;
  const [input, ...others] = inputs;
  const picture = input && others.length === 0 ? pictureInput(input) : undefined;
  const [output] = outputs;
  if (!picture || !output) return undefined;
  return proposeDetection(picture, model) ?? (picture.isAlone ? undefined : ofOneOutput(picture, output, model));
}

function ofOneOutput(picture: PictureInput, output: OnnxValue, model: InspectedModel): Proposal | undefined {
  return segmentation(picture, output, model) ?? classification(picture, output, model);
}

function classification(picture: PictureInput, output: OnnxValue, model: InspectedModel): Proposal | undefined {
  const [, classes, ...rest] = output.shape ?? [];
  if (typeof classes !== 'number' || classes < 2 || rest.some((size) => size !== 1)) return undefined;
  const { image, guesses } = croppedImage(picture);
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
        ? 'output.activation: "none", for the model seems to end in a softmax itself'
        : `output.activation: the output ${output.name} is taken for logits; "none" where it is a softmax already`,
      ...labels.guesses,
    ],
  };
}

function segmentation(picture: PictureInput, output: OnnxValue, model: InspectedModel): Proposal | undefined {
  const classes = classesOfMap(picture, output);
  if (classes === undefined) return undefined;
  const { image, guesses } = wholeImage(picture, SEGMENTATION_SIDE);
  const labels = labelsProposal(model, typeof classes === 'number' && classes > 1 ? classes : undefined);
  const isOne = classes === 1;
  const said = { ...(isOne ? { values: 'scores', activation: 'sigmoid' } : {}), ...labels.output };
  return {
    manifest: { task: 'image-segmentation', image, ...(Object.keys(said).length > 0 ? { output: said } : {}) },
    guesses: [
      `task: the input ${picture.name} is a picture, the output ${output.name} ${
        classes === 'told' ? 'the class' : isOne ? 'a score' : `a score for each of ${classes} classes`
      } of each pixel`,
      ...guesses,
      ...(isOne ? [`output.activation: the output ${output.name} is taken for logits; "none" for 0 to 1`] : []),
      ...labels.guesses,
    ],
  };
}

/** `told`: the output has the classes themselves. Undefined where it is no map of classes. */
function classesOfMap({ height, width, layout }: PictureInput, output: OnnxValue): number | 'told' | undefined {
  const { name, dtype, shape = [] } = output;
  const isInteger = /^u?int\d+$/.test(dtype ?? '');
  if (shape.length === 3) return isInteger && fits(shape[1], height) && fits(shape[2], width) ? 'told' : undefined;
  if (shape.length !== 4 || isInteger) return undefined;
  const [classes, tall, wide] = layout === 'NHWC' ? [shape[3], shape[1], shape[2]] : shape.slice(1);
  if (typeof classes !== 'number' || classes > MOST_CLASSES || !fits(tall, height) || !fits(wide, width))
    return undefined;
  // Three channels of the same size are a picture as likely.
  return classes === 3 && !/seg|mask|class|score|logit/i.test(name) ? undefined : classes;
}

/** A map has a pixel for every pixel of the input, or for every few. */
function fits(size: number | string | null | undefined, side: number | undefined): boolean {
  if (typeof size !== 'number') return true;
  return size > 1 && (side === undefined || side % size === 0);
}
