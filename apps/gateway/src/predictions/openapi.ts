/** What /docs says of the prediction routes: bodies, answers, problems. Good enough to generate a client from. */
import { applyDecorators } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiProperty,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';

const NUMBER_OR_ARRAY = { description: 'A value, or nested arrays of values, of the shape the model takes.' };
const ROW = { description: `${NUMBER_OR_ARRAY.description} Or a picture in base64, a text, or an array of two.` };

export class PredictionMetrics {
  @ApiProperty({ description: 'Milliseconds from accepted by the gateway to taken by a worker.' }) queue_ms!: number;
  @ApiProperty({ description: 'Milliseconds in the batcher.' }) batch_wait_ms!: number;
  @ApiProperty({ description: 'Milliseconds of decoding and preprocessing.' }) preprocess_ms!: number;
  @ApiProperty({ description: 'Milliseconds of the onnxruntime call, shared by its batch.' }) infer_ms!: number;
  @ApiProperty({ description: 'Milliseconds in the gateway, all in all.' }) total_ms!: number;
  @ApiProperty({ type: 'integer', description: 'Rows in the onnxruntime call.' }) batch_size!: number;
  @ApiProperty({ enum: ['full', 'greedy', 'linger', 'deadline', 'drain'] }) release_reason!: string;
  @ApiProperty({ description: 'Which worker ran it.' }) worker!: string;
}

export class ClassScore {
  @ApiProperty({ type: 'integer' }) index!: number;
  @ApiProperty({ required: false }) label?: string;
  @ApiProperty() score!: number;
}

export class Detection {
  @ApiProperty({ required: false }) label?: string;
  @ApiProperty({ type: 'integer' }) index!: number;
  @ApiProperty() score!: number;
  @ApiProperty({ type: [Number], description: 'Left, top, right, bottom, in pixels of the picture.' }) box!: number[];
}

export class Segment {
  @ApiProperty({ required: false }) label?: string;
  @ApiProperty({ type: 'integer' }) index!: number;
  @ApiProperty({ type: 'integer', description: 'Pixels of the picture.' }) pixels!: number;
  @ApiProperty({ required: false, description: 'Mean score of its pixels.' }) score?: number;
  @ApiProperty({ required: false, type: [Number], description: 'Run lengths down the columns, as COCO writes them.' })
  counts?: number[];
}

export class Prediction {
  @ApiProperty() model!: string;
  @ApiProperty() version!: string;
  @ApiProperty({ type: PredictionMetrics }) metrics!: PredictionMetrics;
  @ApiProperty({ required: false, type: 'integer', description: 'Classifiers: index of the best class.' })
  prediction?: number;
  @ApiProperty({ required: false, description: 'Classifiers: its label.' }) label?: string;
  @ApiProperty({ required: false, description: 'Classifiers: its score.' }) score?: number;
  @ApiProperty({ required: false, type: [ClassScore], description: 'Classifiers: the best classes.' })
  top?: ClassScore[];
  @ApiProperty({ required: false, type: [Number], description: 'Embedding models: the vector of the text.' })
  embedding?: number[];
  @ApiProperty({ required: false, description: 'True where the text was longer than the model reads.' })
  truncated?: boolean;
  @ApiProperty({ required: false, type: [Detection], description: 'Detectors: best first.' })
  detections?: Detection[];
  @ApiProperty({ required: false, type: [Segment], description: 'Segmenters: the classes that are there.' })
  classes?: Segment[];
  @ApiProperty({ required: false, description: 'Segmenters: base64, 8-bit gray, each pixel its class.' }) png?: string;
  @ApiProperty({ required: false, type: 'integer', description: 'Detectors, segmenters: of the picture.' })
  width?: number;
  @ApiProperty({ required: false, type: 'integer' }) height?: number;
  @ApiProperty({ required: false, ...NUMBER_OR_ARRAY, type: Object }) output?: unknown;
  @ApiProperty({ required: false, isArray: true, type: Object, description: 'Answers to `inputs`, in order.' })
  outputs?: unknown[];
  @ApiProperty({ required: false, type: Object, description: 'Answers to `tensors`, by output name.' })
  tensors?: Record<string, unknown>;
}

export class ProblemDetails {
  @ApiProperty() type!: string;
  @ApiProperty() title!: string;
  @ApiProperty({ type: 'integer' }) status!: number;
  @ApiProperty({ description: 'Stable; listed in docs/errors.md.' }) code!: string;
  @ApiProperty({ description: 'What came, what was expected, what to do.' }) detail!: string;
  @ApiProperty() request_id!: string;
}

const PROBLEMS: Record<number, string> = {
  400: 'Malformed',
  404: 'No such model or version; the detail lists what exists',
  411: 'No Content-Length',
  413: 'Too large',
  415: 'Media type, encoding or picture format not supported',
  422: 'Well-formed, but not a valid input for this model',
  500: 'The service failed, or the input ends executors',
  503: 'Full, or no worker is ready; see Retry-After',
  504: 'The deadline passed',
};

const BINARY = { schema: { type: 'string' as const, format: 'binary' } };
const JSON_BODY = {
  schema: {
    oneOf: [
      { type: 'object' as const, required: ['input'], properties: { input: ROW } },
      { type: 'object' as const, required: ['inputs'], properties: { inputs: { type: 'array' as const, items: {} } } },
      {
        type: 'object' as const,
        required: ['tensors'],
        properties: { tensors: { type: 'object' as const, additionalProperties: true } },
      },
    ],
  },
};
const FORM = {
  schema: {
    type: 'object' as const,
    required: ['file'],
    properties: { file: { type: 'string' as const, format: 'binary' } },
  },
};

export function DescribePredict({
  summary,
  operationId,
  path,
}: {
  summary: string;
  operationId: string;
  path: string[];
}): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary, operationId }),
    ApiExtraModels(Prediction, ProblemDetails),
    ApiConsumes('application/json', 'multipart/form-data', 'image/*', 'text/plain', 'application/octet-stream'),
    ApiBody({
      required: true,
      content: {
        'application/json': JSON_BODY,
        'multipart/form-data': FORM,
        'image/*': BINARY,
        'text/plain': { schema: { type: 'string' } },
        'application/octet-stream': BINARY,
      },
    } as never),
    ApiHeader({
      name: 'X-Request-Timeout',
      required: false,
      description: 'Seconds the caller waits; default 30.',
      schema: { type: 'number' },
    }),
    ApiHeader({
      name: 'X-Request-Id',
      required: false,
      description: 'Returned, and in every log line of this prediction.',
      schema: { type: 'string' },
    }),
    ...path.map((name) => ApiParam({ name, schema: { type: 'string' } })),
    ApiResponse({ status: 200, description: 'The prediction', type: Prediction }),
    ...Object.entries(PROBLEMS).map(([status, description]) =>
      ApiResponse({
        status: Number(status),
        description,
        content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDetails) } } },
      }),
    ),
  );
}
