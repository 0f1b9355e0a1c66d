/** What a file is, by its first bytes; what it is called says nothing. */
import type { FileHandle } from 'node:fs/promises';
import { refusePackage } from '../refusal.js';
import { TAR_BLOCK, isTarHeader } from './tar-header.js';

export type Kind = 'zip' | 'gzip' | 'tar' | 'onnx' | 'ort';

/** Formats that are known and not taken, as bytes (latin1) at the beginning. */
const OTHERS: [string, string][] = [
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive'],
  ['Rar!\x1a\x07', 'a RAR archive'],
  ['\xfd7zXZ\0', 'packed by xz'],
  ['\x28\xb5\x2f\xfd', 'packed by zstd'],
  ['BZh', 'packed by bzip2'],
  ['\x89HDF\r\n\x1a\n', 'an HDF5 file, as Keras writes'],
  ['GGUF', 'a GGUF model'],
  ['\x80\x02', 'a pickle, as older torch.save writes'],
  ['\x80\x04\x95', 'a pickle'],
  ['version https://git-lfs', 'a Git LFS pointer and not the file itself'],
];

/** @throws PACKAGE_INVALID where it is known to be something else. What nothing is known of may be ONNX, which has no sign. */
export async function kindOf(file: FileHandle): Promise<Kind> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(TAR_BLOCK), 0, TAR_BLOCK, 0);
  const start = buffer.subarray(0, bytesRead);
  const text = start.toString('latin1');
  if (text === '') throw refusePackage('The file is empty (0 bytes). Send an archive or a model.');
  if (/^PK(\x03\x04|\x05\x06)/.test(text)) return 'zip';
  if (text.startsWith('\x1f\x8b')) return 'gzip';
  if (text.slice(4, 8) === 'ORTM') return 'ort';
  const other = OTHERS.find(([sign]) => text.startsWith(sign))?.[1] ?? unsigned(text);
  if (other) {
    throw refusePackage(
      `The file is ${other}; expected a .zip, .tar.gz, .tar or .mar archive, or an .onnx model. A PyTorch model becomes a package by sluice-export (docs/export.md).`,
    );
  }
  if (isTarHeader(start) || isEmptyTar(start)) return 'tar';
  return 'onnx';
}

function unsigned(text: string): string | undefined {
  if (/^\s*<(!doctype|html)/i.test(text)) return 'a web page';
  if (/^\{\s*"/.test(text)) return 'JSON, which names a package only when it is sent as application/json';
  // A length of 8 bytes, little-endian, before the JSON of its header.
  if (/^[^]{3,5}\0{3,5}\{"/.test(text.slice(0, 10))) return 'a safetensors file, which is weights without a model';
  return undefined;
}

function isEmptyTar(start: Buffer): boolean {
  return start.length === TAR_BLOCK && start.every((byte) => byte === 0);
}
