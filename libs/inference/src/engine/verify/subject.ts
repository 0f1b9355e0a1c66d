/**
 * What is verified, as far as the checks before have come: each check reads what it needs and adds what it learns.
 *
 * Invariant: a check runs only after all before it have passed, so what they add is there.
 */
import type { ExecutorInput } from '../../contract/executor-messages.js';
import type { ModelDescription } from '../../contract/model-description.js';
import type { CheckResult } from '../../contract/verification.js';
import type { Manifest } from '../../packages/manifest.js';
import type { OnnxHeader } from '../../packages/onnx-file.js';
import type { Tensor } from '../../tensor/frame.js';
import type { Findings, VerifyOrder } from '../../verification/verifier-lines.js';
import type { Model } from '../model.js';
import type { RowKind } from './made-up/kinds.js';
import type { RowRunner } from './row-runner.js';
import type { WatchedRunner } from './watched-runner.js';

export interface Subject {
  order: VerifyOrder;
  runner: WatchedRunner;
  /** Says what is done next, in words that fit behind "during". */
  at: (step: string) => void;
  found: (findings: Findings) => void;
  /** Bytes of the model's file and of those that its weights lie in. */
  modelBytes?: number;
  manifest?: Manifest;
  /** Absent for a model in the ORT format. */
  header?: OnnxHeader;
  model?: Model;
  /** As it is told of so far. */
  description?: ModelDescription;
  rows?: RowRunner;
  /** Rows that run, by kind; of each kind at least one. */
  kinds?: RowKind[];
  /** What each of those rows came to by itself. */
  alone?: Map<ExecutorInput, Alone>;
  /** Most rows that a run may have. */
  maxRows?: number;
}

export interface Alone {
  outputs: Tensor[];
  /** As may be compared. */
  own: Tensor[];
}

/** What a check came to; one that fails throws an Error whose message is for whoever made the package. */
export interface Outcome {
  status: Exclude<CheckResult['status'], 'failed'>;
  message?: string;
}

export const PASSED: Outcome = { status: 'passed' };
