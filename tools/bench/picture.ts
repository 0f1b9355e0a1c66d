/** A JPEG with about the size and the detail of a photograph, the same on every machine: noise of several octaves. */
import sharp from 'sharp';
import { randomOf, type Random } from '../random.js';

const SIZE = 720;
/** Lattice cells across the picture, and how strong each octave is: strong and coarse, weak and fine, as in nature. */
const OCTAVES: readonly [cells: number, strength: number][] = [
  [3, 90],
  [9, 45],
  [27, 24],
  [81, 14],
  [243, 24],
];
const QUALITY = 88;

export async function makePicture(): Promise<Buffer> {
  const pixels = Buffer.alloc(SIZE * SIZE * 3);
  const random = randomOf(20_240_229, '');
  for (let channel = 0; channel < 3; channel++) {
    const plane = new Float32Array(SIZE * SIZE).fill(128);
    for (const [cells, strength] of OCTAVES) addNoise(plane, { cells, strength, random });
    plane.forEach((value, i) => (pixels[i * 3 + channel] = Math.max(0, Math.min(255, Math.round(value)))));
  }
  return sharp(pixels, { raw: { width: SIZE, height: SIZE, channels: 3 } })
    .jpeg({ quality: QUALITY, chromaSubsampling: '4:2:0' })
    .toBuffer();
}

interface Octave {
  cells: number;
  strength: number;
  random: Random;
}

/** Random values on a lattice, linear between them. */
function addNoise(plane: Float32Array, { cells, strength, random }: Octave): void {
  const side = cells + 2;
  const lattice = Float32Array.from({ length: side * side }, () => (random() * 2 - 1) * strength);
  for (let y = 0; y < SIZE; y++) {
    const v = (y / SIZE) * cells;
    const row = Math.floor(v);
    for (let x = 0; x < SIZE; x++) {
      const u = (x / SIZE) * cells;
      const at = row * side + Math.floor(u);
      const right = u % 1;
      const top = lattice[at]! * (1 - right) + lattice[at + 1]! * right;
      const bottom = lattice[at + side]! * (1 - right) + lattice[at + side + 1]! * right;
      plane[y * SIZE + x]! += top + (bottom - top) * (v - row);
    }
  }
}
