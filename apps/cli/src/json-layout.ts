/**
 * JSON laid out for a terminal: what fits into a line stays in one, numbers and names fill lines, all else is broken up
 * by its brackets.
 *
 * Invariant: every token stays as it was written, so no digit of a large number is lost.
 */
const WIDTH = 100;

type Node = { text: string } | { open: string; close: string; items: { key: string; node: Node }[] };

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+)/gy;

/** The text as it is when it is not JSON, or nests too deep to be laid out. */
export function layOut(json: string): string {
  try {
    JSON.parse(json);
    return lines(read(tokensOf(json)), '', 0);
  } catch {
    return json;
  }
}

function tokensOf(json: string): string[] {
  return Array.from(json.matchAll(TOKEN), ([, token]) => token!).reverse();
}

/** From tokens in reverse order, which it takes away. */
function read(tokens: string[]): Node {
  const token = tokens.pop()!;
  if (token !== '[' && token !== '{') return { text: token };
  const close = token === '[' ? ']' : '}';
  const items: { key: string; node: Node }[] = [];
  while (tokens.at(-1) !== close) {
    let key = '';
    if (token === '{') {
      key = `${tokens.pop()}: `;
      tokens.pop();
    }
    items.push({ key, node: read(tokens) });
    if (tokens.at(-1) === ',') tokens.pop();
  }
  tokens.pop();
  return { open: token, close, items };
}

/** `taken`: columns that a key before it has used. */
function lines(node: Node, indent: string, taken: number): string {
  const line = inOneLine(node, WIDTH - indent.length - taken);
  if (line !== undefined) return line;
  if ('text' in node) return node.text;
  const inner = `${indent}  `;
  const { open, close, items } = node;
  const isFlat = open === '[' && items.every((item) => 'text' in item.node);
  const parts = items.map(({ key, node: item }) => key + lines(item, inner, key.length));
  const body = isFlat ? filled(parts, inner) : parts.join(`,\n${inner}`);
  return `${open}\n${inner}${body}\n${indent}${close}`;
}

function inOneLine(node: Node, room: number): string | undefined {
  if ('text' in node) return node.text.length <= room ? node.text : undefined;
  const { open, close, items } = node;
  const parts: string[] = [];
  let left = room - 4;
  for (const { key, node: item } of items) {
    const part = inOneLine(item, left - key.length);
    if (part === undefined) return undefined;
    parts.push(key + part);
    left -= key.length + part.length + 2;
  }
  if (items.length === 0) return open + close;
  return open === '[' ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`;
}

function filled(parts: readonly string[], indent: string): string {
  const rows: string[] = [];
  let row = '';
  for (const [i, part] of parts.entries()) {
    const piece = i + 1 < parts.length ? `${part},` : part;
    if (row !== '' && indent.length + row.length + 1 + piece.length > WIDTH) {
      rows.push(row);
      row = piece;
    } else row = row === '' ? piece : `${row} ${piece}`;
  }
  return [...rows, row].join(`\n${indent}`);
}
