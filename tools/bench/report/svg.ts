/** The report as one picture: a panel for each load, a bar for each contender, longer is more requests a second. */
import { labelOf, groupBy, type Row } from './medians.js';
import { short } from './markdown.js';
import type { ContenderName } from '../contenders/contender.js';

const WIDTH = 760;
const LEFT = 90;
const RIGHT = 190;
const BAR = 20;
const STEP = 26;
const PANEL_HEAD = 34;
const PANEL_GAP = 14;
const TOP = 46;

const COLOURS: Record<ContenderName, string> = {
  bare: '#8a8f98',
  fastify: '#4c78a8',
  bullmq: '#e0913a',
  'bullmq-32': '#c9a26b',
  sluice: '#1b8a5a',
};

export function toSvg(rows: readonly Row[]): string {
  const panels = groupBy(
    rows.filter(({ load }) => load.kind !== 'bare'),
    ({ workload, load }) => `${workload}, ${labelOf(load)}`,
  );
  const parts: string[] = [];
  let y = TOP;
  for (const [title, found] of panels) {
    const limit = rows.find(
      ({ workload, load }) => workload === found[0]!.workload && load.kind === 'bare' && load.batch > 1,
    );
    parts.push(...panel({ title, y, rows: limit === undefined ? found : [...found, limit] }));
    y += PANEL_HEAD + (found.length + (limit === undefined ? 0 : 1)) * STEP + PANEL_GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}"`,
    ` font-family="system-ui, sans-serif" font-size="13" fill="#24292f" role="img" aria-label="Requests per second">`,
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    text({ x: 16, y: 28, size: 16 }, 'Requests per second (p50 / p99 latency)'),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function panel({ title, y, rows }: { title: string; y: number; rows: readonly Row[] }): string[] {
  const most = Math.max(...rows.map(({ perSecond }) => perSecond));
  const bars = rows.flatMap((row, i) => {
    const top = y + PANEL_HEAD + i * STEP;
    const width = Math.max(1, (row.perSecond / most) * (WIDTH - LEFT - RIGHT));
    return [
      text({ x: 16, y: top + 15, size: 13 }, row.contender),
      `<rect x="${LEFT}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${COLOURS[row.contender]}"/>`,
      text({ x: LEFT + width + 8, y: top + 15, size: 13 }, note(row)),
    ];
  });
  return [text({ x: 16, y: y + 20, size: 14 }, title), ...bars];
}

function note({ load, perSecond, p50Ms, p99Ms }: Row): string {
  if (load.kind === 'bare') return `${short(perSecond)} rows, ${labelOf(load)}`;
  return `${short(perSecond)} (${short(p50Ms)} / ${short(p99Ms)} ms)`;
}

function text({ x, y, size }: { x: number; y: number; size: number }, content: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const weight = size > 13 ? ' font-weight="600"' : '';
  return `<text x="${x.toFixed(1)}" y="${y}" font-size="${size}"${weight}>${escaped}</text>`;
}
