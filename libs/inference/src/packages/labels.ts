/**
 * Class names by class index, from the forms in which they come: an array; an object by class index whose values are
 * names or, as in TorchServe's index_to_name.json, lists that end in one; or that file's older form
 * `{"object_type_names": [name, …]}`; a text of one name a line.
 */

export interface LabelRules {
  /** Index of the class that an array begins with; an object says the indices itself. */
  first?: number;
  /** An object may leave classes out; they have no name then. */
  gaps?: boolean;
}

const OLDER = 'object_type_names';
const MAX_INDEX = 99_999;

/** @throws Error that says which entry is wrong. */
export function parseLabels(file: string, raw: unknown, { first = 0, gaps = false }: LabelRules = {}): string[] {
  const labels: string[] = [];
  const list = listOf(raw);
  if (list) {
    list.forEach((value, place) => (labels[first + place] = labelOf(file, String(first + place), value)));
    return labels;
  }
  if (typeof raw !== 'object' || raw === null) {
    throw new Error(`${file}: expected an array of names or an object from class index to name.`);
  }
  if (first > 0) {
    throw new Error(`${file}: it names classes by their index, so that output.firstLabel must be 0, or left out.`);
  }
  const entries = Object.entries(raw);
  for (const [key, value] of entries) {
    const index = Number(key);
    if (!/^(0|[1-9]\d{0,4})$/.test(key) || (!gaps && index >= entries.length)) {
      const expected = gaps ? `a number up to ${MAX_INDEX}` : `each of 0 to ${entries.length - 1} once`;
      throw new Error(`${file}: came the class index "${key}", expected ${expected}.`);
    }
    labels[index] = labelOf(file, key, value);
  }
  return labels;
}

/** The names in a text, as in torchvision's imagenet_classes.txt. @throws Error that says which line is wrong. */
export function labelLines(file: string, text: string): string[] {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trim());
  const blank = lines.indexOf('');
  if (blank < 0) return lines;
  throw new Error(`${file}: line ${blank + 1} is empty, expected one name a line.`);
}

function listOf(raw: unknown): unknown[] | undefined {
  if (Array.isArray(raw)) return raw as unknown[];
  if (typeof raw !== 'object' || raw === null || !(OLDER in raw)) return undefined;
  const names = raw[OLDER];
  return Array.isArray(names) ? (names as unknown[]) : undefined;
}

function labelOf(file: string, key: string, value: unknown): string {
  const label: unknown = Array.isArray(value) ? value.at(-1) : value;
  if (typeof label === 'string') return label;
  throw new Error(`${file}: class ${key}: came ${JSON.stringify(value)}, expected a name or a list that ends in one.`);
}
