/**
 * The task "object-detection": a picture to the boxes of what is on it.
 *
 * Invariants: boxes are told in pixels of the picture that was sent, upright as its EXIF orientation says, and lie inside
 * it; a model whose outputs have no batch axis is given one picture a run.
 */
import { sliceRows, type Tensor } from '../../tensor/frame.js';
import type { View } from '../image/geometry.js';
import { boxInSource, isSeen } from '../image/view.js';
import { detectionFormOf } from './detection/detection-form.js';
import { detect, readDetections, type Box } from './detection/detections.js';
import { pictureInputOf } from './picture/picture-input.js';
import { onePicture, pictureVerbs, type Views } from './picture/pictures.js';
import { jsonOf, type Task, type TaskContext } from './task.js';

export interface Detection {
  label?: string;
  index: number;
  score: number;
  /** Left, top, right, bottom: pixels of the picture from its top left corner, to two places. */
  box: Box;
}

/** A detector's answer for one picture. */
export interface Detections {
  /** Best first, `maxDetections` at most. */
  detections: Detection[];
  /** Of the picture that the boxes lie in. */
  width: number;
  height: number;
}

export function objectDetection(context: TaskContext<'object-detection'>): Task<Views> {
  const { labels } = context;
  const form = detectionFormOf(context);
  const { batched } = form;
  const input = pictureInputOf({ ...context, batched });
  const inputs = batched ? context.inputs : onePicture(context.inputs);
  const detectionsIn = (outputs: readonly Tensor[], view: View): Detections => {
    const frame = view.placement.crop;
    const found = detect(outputs, form, { frame, keep: (box) => isSeen(box, view) });
    const detections = found.map(({ index, score, box }): Detection => {
      const label = labels?.[index];
      return { ...(label !== undefined && { label }), index, score, box: boxInSource(box, view) };
    });
    return { detections, width: view.source.width, height: view.source.height };
  };
  return {
    batched,
    ...pictureVerbs({ inputs, batched }, input),
    postprocess: (outputs, { type }, views) => {
      const answers = views!.map((view, row) =>
        detectionsIn(batched ? outputs.map((output) => sliceRows(output, row, row + 1)) : outputs, view),
      );
      return { kind: 'json', value: type === 'image' ? answers[0] : answers };
    },
    encode: jsonOf,
    trialShapes: () => [input.trialShape()],
    checkTrial: (outputs) => {
      readDetections(outputs, form);
    },
  };
}
