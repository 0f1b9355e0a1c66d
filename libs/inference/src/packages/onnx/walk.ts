/**
 * Walks through a message of protocol buffers by a table of the fields that matter; all else is skipped unread.
 *
 * Invariants: messages nest MAX_DEPTH deep at most, and what is kept of the file at any time stays within MAX_KEPT
 * bytes, whatever the file says; a field inside a message ends where the message ends.
 */
import { MAX_VARINT_BYTES, WINDOW, WIRE, WireError, type WireReader } from './wire.js';

/** As deep as protobuf itself goes, and so onnxruntime. */
const MAX_DEPTH = 100;
const MAX_KEPT = 64 * 1024 * 1024;
/** What a kept value costs beside its text. */
export const OVERHEAD = 64;

export type Value = number | string | Values;

/** What was kept of a message: its values by field number, in the order of the file. */
export class Values {
  private readonly fields = new Map<number, Value[]>();

  add(field: number, value: Value): void {
    const values = this.fields.get(field);
    if (values) values.push(value);
    else this.fields.set(field, [value]);
  }

  /** Of a field that came several times the last counts, as in every reader of protobuf. */
  number(field: number): number | undefined {
    return this.fields.get(field)?.findLast((value) => typeof value === 'number');
  }

  text(field: number): string | undefined {
    return this.fields.get(field)?.findLast((value) => typeof value === 'string');
  }

  message(field: number): Values | undefined {
    return this.fields.get(field)?.findLast((value) => value instanceof Values);
  }

  messages(field: number): Values[] {
    return this.fields.get(field)?.filter((value) => value instanceof Values) ?? [];
  }

  texts(field: number): string[] {
    return this.fields.get(field)?.filter((value) => typeof value === 'string') ?? [];
  }
}

/** `prose` is text that is left out, not refused, where it is longer than the window. */
export type Field = 'number' | 'text' | 'prose' | MessageField;

export interface MessageField {
  of: Table;
  /** The message stays among its parent's values; else it is gone after `done`. */
  keep?: true;
  /** Sees the message when it is whole, and answers how many bytes of it are now kept elsewhere. */
  done?: (values: Values) => number;
}

export type Table = Record<number, Field>;

interface Open {
  table: Table;
  end: number;
  values: Values;
  /** Bytes kept in `values`. */
  cost: number;
  /** How the message stands in its parent. */
  number: number;
  field: MessageField;
}

/** @throws WireError where the bytes are no such message. */
export async function walk(reader: WireReader, field: MessageField): Promise<void> {
  const open = (number: number, message: MessageField, end: number): Open => ({
    table: message.of,
    end,
    values: new Values(),
    cost: OVERHEAD,
    number,
    field: message,
  });
  const stack = [open(0, field, reader.size)];
  let kept = 0;
  const charge = (cost: number): void => {
    kept += cost;
    if (kept > MAX_KEPT) throw new WireError(reader.position, `names and texts have more than ${MAX_KEPT} bytes`);
  };
  const keep = (top: Open, number: number, { value, cost }: { value: Value; cost: number }): void => {
    charge(cost);
    top.values.add(number, value);
    top.cost += cost;
  };
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    if (reader.position === top.end) {
      stack.pop();
      kept -= top.cost;
      if (top.field.done) charge(top.field.done(top.values));
      const parent = stack.at(-1);
      if (parent && top.field.keep) keep(parent, top.number, { value: top.values, cost: top.cost });
      continue;
    }
    if (!reader.has(2 * MAX_VARINT_BYTES)) await reader.need(2 * MAX_VARINT_BYTES);
    const start = reader.position;
    const tag = reader.varint(top.end);
    const wire = tag % 8;
    const number = Math.floor(tag / 8);
    if (number === 0 || tag >= 2 ** 32) throw new WireError(start, 'a field has no valid number');
    const wanted = top.table[number];
    if (wire === WIRE.varint) {
      const value = reader.varint(top.end);
      if (wanted === 'number') keep(top, number, { value, cost: OVERHEAD });
      continue;
    }
    const length = lengthOf(reader, wire, { start, end: top.end });
    if (wire !== WIRE.bytes || wanted === undefined || wanted === 'number') {
      reader.position += length;
    } else if (wanted === 'prose' && length > WINDOW) {
      reader.position += length;
    } else if (wanted === 'text' || wanted === 'prose') {
      if (length > WINDOW) throw new WireError(start, `a name has ${length} bytes; at most ${WINDOW} are read`);
      if (!reader.has(length)) await reader.need(length);
      keep(top, number, { value: reader.text(length), cost: OVERHEAD + length });
    } else {
      if (stack.length === MAX_DEPTH) throw new WireError(start, `it nests deeper than ${MAX_DEPTH} levels`);
      stack.push(open(number, wanted, reader.position + length));
      charge(OVERHEAD);
    }
  }
}

/** Bytes of a field's content, which must lie inside its message. */
function lengthOf(reader: WireReader, wire: number, { start, end }: { start: number; end: number }): number {
  let length: number;
  if (wire === WIRE.bytes) length = reader.varint(end);
  else if (wire === WIRE.fixed64) length = 8;
  else if (wire === WIRE.fixed32) length = 4;
  else throw new WireError(start, `a field is of a kind (${wire}) that ONNX does not use`);
  if (length > end - reader.position) {
    throw new WireError(start, `a field of ${length} bytes reaches beyond its end, ${end - reader.position} are left`);
  }
  return length;
}
