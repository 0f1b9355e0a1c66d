/**
 * What a .onnx file says of itself, read without onnxruntime and without its weights: who made it, which operators it
 * needs, what goes in and comes out, and which other files its weights lie in.
 *
 * Invariants: every place where onnx.proto lets a tensor stand is looked at, in subgraphs, functions, sparse tensors and
 * training graphs alike, so that no external file escapes; weights themselves are never read (see onnx/wire.ts).
 * Source of the fields: github.com/onnx/onnx/blob/v1.23.0/onnx/onnx.proto.
 */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { valueOf, type OnnxValue } from './onnx/values.js';
import { OVERHEAD, walk, type MessageField, type Table, type Values } from './onnx/walk.js';
import { WireError, WireReader } from './onnx/wire.js';

export type { OnnxValue } from './onnx/values.js';

export interface OnnxHeader {
  irVersion: number;
  producer: { name: string; version: string };
  /** Versions of the operator sets by domain; "" is ONNX's own. */
  opsets: Record<string, number>;
  /** Without those that are weights, as files of before 2019 list them. */
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  /** `metadata_props`; values of more than 64 KiB are left out. */
  metadata: Record<string, string>;
  /** How many nodes there are of each operator, subgraphs and functions included: "Conv", "com.microsoft.Gelu". */
  operators: Record<string, number>;
  /** Functions that the file defines itself, as "domain.name". */
  functions: string[];
  /** Domains of nodes that neither onnxruntime nor the file's own functions define. */
  customDomains: string[];
  /** The files that weights lie in, as the file spells them: not yet looked at, and perhaps anywhere. */
  externalFiles: string[];
}

/** More than one file for each weight of any model that there is. */
const MAX_EXTERNAL_FILES = 4096;
const MAX_OPERATORS = 4096;
/** What onnxruntime 1.30 registers by itself. */
const KNOWN_DOMAINS = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.nchwc',
  'com.microsoft.experimental',
  'com.microsoft.dml',
  'com.ms.internal.nhwc',
  'org.pytorch.aten',
]);

/** @throws Error with a message for whoever made the package, when the file is damaged or no ONNX model. */
export async function readOnnxHeader(path: string): Promise<OnnxHeader> {
  const name = basename(path);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size === 0) throw new Error(`${name} is empty (0 bytes). Copy it again.`);
    const reader = new WireReader(file, size);
    await reader.need(LONGEST_SIGN);
    const other = otherFormat(reader);
    if (other) throw new Error(`${name} is not an ONNX model: ${other}`);
    const seen = new Seen();
    let model: Values | undefined;
    await walk(reader, { ...modelMessage(seen), done: (values) => ((model = values), 0) });
    return headerOf(name, model!, seen);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new Error(
      `${name} is no ONNX model, or damaged, or cut short: ${error.message} (at byte ${error.at}). Copy it again.`,
    );
  } finally {
    await file.close();
  }
}

/** What is gathered on the way from messages that are not kept. */
class Seen {
  readonly externalFiles = new Set<string>();
  readonly initializers = new Set<string>();
  readonly operators = new Map<string, number>();
  readonly domains = new Set<string>();

  external(tensor: Values): number {
    let kept = 0;
    for (const entry of tensor.messages(13)) {
      const location = entry.text(1) === 'location' ? (entry.text(2) ?? '') : undefined;
      if (location === undefined || this.externalFiles.has(location)) continue;
      if (this.externalFiles.size === MAX_EXTERNAL_FILES) {
        throw new WireError(0, `weights lie in more than ${MAX_EXTERNAL_FILES} files`);
      }
      this.externalFiles.add(location);
      kept += OVERHEAD + location.length;
    }
    return kept;
  }

  initializer(name: string): number {
    this.initializers.add(name);
    return OVERHEAD + name.length;
  }

  node(domain: string, operator: string): number {
    const name = qualified(domain, operator);
    const count = this.operators.get(name);
    if (count === undefined && this.operators.size === MAX_OPERATORS) return 0;
    this.operators.set(name, (count ?? 0) + 1);
    this.domains.add(domain);
    return count === undefined ? OVERHEAD + name.length : 0;
  }
}

/** ModelProto, down to wherever a tensor, a node or a value's type may stand. */
function modelMessage(seen: Seen): MessageField {
  const pair: MessageField = { of: { 1: 'text', 2: 'text' }, keep: true };
  const tensor: Table = { 13: pair };
  const anyTensor: MessageField = { of: tensor, done: (values) => seen.external(values) };
  const sparse: MessageField = { of: { 1: anyTensor, 2: anyTensor } };
  // The tables refer to each other: a node's attribute may be a graph.
  const graph: Table = {};
  const anyGraph: MessageField = { of: graph };
  const attribute: MessageField = {
    of: { 5: anyTensor, 6: anyGraph, 10: anyTensor, 11: anyGraph, 22: sparse, 23: sparse },
  };
  const node: MessageField = {
    of: { 4: 'text', 5: attribute, 7: 'text' },
    done: (values) => seen.node(values.text(7) ?? '', values.text(4) ?? ''),
  };
  Object.assign(graph, { 1: node, 5: anyTensor, 15: sparse });
  const initializer: MessageField = {
    of: { ...tensor, 8: 'text' },
    done: (values) => seen.external(values) + seen.initializer(values.text(8) ?? ''),
  };
  const sparseInitializer: MessageField = {
    of: { 1: initializer, 2: anyTensor },
  };
  const mainGraph: MessageField = {
    of: { ...graph, 5: initializer, 11: VALUE_INFO, 12: VALUE_INFO, 15: sparseInitializer },
    keep: true,
  };
  const training: MessageField = { of: { 1: anyGraph, 2: anyGraph } };
  const functions: MessageField = { of: { 1: 'text', 7: node, 10: 'text', 11: attribute }, keep: true };
  return {
    of: {
      1: 'number',
      2: 'text',
      3: 'text',
      7: mainGraph,
      8: { of: { 1: 'text', 2: 'number' }, keep: true },
      14: { of: { 1: 'text', 2: 'prose' }, keep: true },
      20: training,
      25: functions,
    },
  };
}

const shapeTable: Table = { 1: { of: { 1: 'number', 2: 'text' }, keep: true } };
const tensorType: MessageField = { of: { 1: 'number', 2: { of: shapeTable, keep: true } }, keep: true };
const present: MessageField = { of: {}, keep: true };
/** ValueInfoProto with its TypeProto. */
const VALUE_INFO: MessageField = {
  of: { 1: 'text', 2: { of: { 1: tensorType, 4: present, 5: present, 8: present, 9: present }, keep: true } },
  keep: true,
};

function headerOf(file: string, model: Values, seen: Seen): OnnxHeader {
  // A message that comes in pieces is one: protobuf merges them.
  const graphs = model.messages(7);
  if (graphs.length === 0) throw new Error(`${file} is not an ONNX model: there is no graph in it. Export it again.`);
  const functions = model.messages(25);
  const defined = new Set(functions.map((values) => values.text(10) ?? ''));
  const pairs = (field: number): [string, Values][] => model.messages(field).map((each) => [each.text(1) ?? '', each]);
  return {
    irVersion: model.number(1) ?? 0,
    producer: { name: model.text(2) ?? '', version: model.text(3) ?? '' },
    opsets: record(pairs(8).map(([domain, each]) => [domain === 'ai.onnx' ? '' : domain, each.number(2) ?? 0])),
    inputs: graphs
      .flatMap((graph) => graph.messages(11).map(valueOf))
      .filter(({ name }) => !seen.initializers.has(name)),
    outputs: graphs.flatMap((graph) => graph.messages(12).map(valueOf)),
    metadata: record(
      pairs(14).flatMap(([key, each]) => {
        const value = each.text(2);
        return value === undefined ? [] : [[key, value]];
      }),
    ),
    operators: record([...seen.operators].sort(([a], [b]) => (a < b ? -1 : 1))),
    functions: functions.map((values) => qualified(values.text(10) ?? '', values.text(1) ?? '')),
    customDomains: [...seen.domains].filter((domain) => !KNOWN_DOMAINS.has(domain) && !defined.has(domain)).sort(),
    externalFiles: [...seen.externalFiles].sort(),
  };
}

/** An object that has no key but those given, whatever they are called. */
function record<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const object = Object.create(null) as Record<string, Value>;
  for (const [key, value] of entries) object[key] = value;
  return object;
}

function qualified(domain: string, name: string): string {
  return domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;
}

const LONGEST_SIGN = 32;
/** What else is found under the name of a model, by its first bytes. */
function otherFormat(reader: WireReader): string | undefined {
  const start = reader.text(Math.min(LONGEST_SIGN, reader.size));
  reader.position = 0;
  if (start.startsWith('PK\x03\x04')) return 'it is a zip archive, as torch.save writes. Export the model to ONNX.';
  if (start.startsWith('version https://git-lfs')) return 'it is a Git LFS pointer. Fetch the file that it points to.';
  if (/^\s*<(!doctype|html)/i.test(start)) return 'it is a web page. Fetch the file itself.';
  if (start.slice(4, 8) === 'ORTM') return 'it is in the ORT format. Call it model.ort.';
  return undefined;
}
