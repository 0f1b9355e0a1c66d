/**
 * node-tar's parser, which pushes, as something that is asked.
 *
 * Invariants: the parser is fed a piece only when its last one was used up, so that memory stays flat; it is strict, and
 * what it would leave out silently (types that it does not know, headers that are too long, sparse maps, what follows a
 * NUL) is refused; an archive that does not end as it should is cut short.
 */
import { Parser, type ReadEntry } from 'tar';
import { refusePackage, shownName } from '../refusal.js';
import type { Meter } from './limits.js';
import { isTarHeader, TAR_BLOCK } from './tar-header.js';

/** Of one extended header. */
const MAX_HEADER_BYTES = 64 * 1024;
const GZIP_SIGN = 0x1f;
/**
 * Records of a pax header that hold attributes of the file system, in bytes of any kind: macOS and SELinux put some on
 * every file. One ends where another begins; by their lengths they cannot be told apart, for this is text already.
 */
const ATTRIBUTES = /(^|\n)\d+ (?:SCHILY|LIBARCHIVE|RHT)\.[^=\n]*=[^]*?(?=\n\d+ [\w.-]+=|$)/g;
const NO_TAR = 'The file is packed by gzip, but it is no tar archive inside. Send a .tar.gz, or the model as it is.';
export const CUT_SHORT = 'The archive is cut short. Send it again.';
/** What entries may be beside files and folders, by the parser's names. */
export const SPECIAL: Record<string, string> = {
  SymbolicLink: 'a symbolic link',
  Link: 'a hard link',
  CharacterDevice: 'a character device',
  BlockDevice: 'a block device',
  FIFO: 'a FIFO',
  SparseFile: 'a sparse file',
  ContinuationFile: 'the rest of a file of another volume',
  TapeVolumeHeader: 'the label of a tape',
  GNUDumpDir: 'a folder of an incremental dump',
};

export class TarPull {
  private readonly parser = new Parser({
    strict: true,
    zstd: false,
    brotli: false,
    maxMetaEntrySize: MAX_HEADER_BYTES,
  });
  private readonly source: AsyncIterator<Uint8Array>;
  private readonly ready: ReadEntry[] = [];
  private start: Buffer | undefined = Buffer.alloc(0);
  private failure: unknown;
  private sawEnd = false;
  private ended = false;

  constructor(bytes: AsyncIterable<Uint8Array>, meter: Meter) {
    this.source = bytes[Symbol.asyncIterator]();
    // Thrown through the parser, a failure would be thrown at whoever reads just then.
    const kept = (look: (value: never) => void) => (value: unknown) => {
      try {
        look(value as never);
      } catch (error) {
        this.failure ??= error;
      }
    };
    const onEntry = kept((entry: ReadEntry) => {
      meter.entry();
      this.ready.push(entry);
    });
    const onMeta = kept((text: string) => {
      meter.entry();
      checkHeader(text);
    });
    this.parser.on('entry', onEntry).on('ignoredEntry', kept(refuseIgnored)).on('meta', onMeta);
    this.parser.on('error', kept(refuseDamaged)).on('eof', () => (this.sawEnd = true));
  }

  /** The next entry; the content of the one before it must have been read to its end. */
  async next(): Promise<ReadEntry | undefined> {
    while (this.ready.length === 0 && !this.ended) await this.feed();
    this.check();
    return this.ready.shift();
  }

  async *content(entry: ReadEntry): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = entry.read();
      if (piece) {
        yield piece;
      } else if (entry.emittedEnd) {
        this.check();
        return;
      } else {
        await this.feed();
      }
    }
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }

  private async feed(): Promise<void> {
    this.check();
    if (this.ended) throw refusePackage(CUT_SHORT);
    const next = await this.source.next();
    if (next.done) {
      this.ended = true;
      if (!this.sawEnd) throw refusePackage(this.start ? NO_TAR : CUT_SHORT);
    } else if (!this.sawEnd) {
      const { buffer, byteOffset, byteLength } = next.value;
      this.write(Buffer.from(buffer, byteOffset, byteLength));
    }
    // What follows the end is not for the parser, which would keep it all; but a gzip is checked to its own end.
    this.check();
  }

  private write(piece: Buffer): void {
    if (this.start) {
      const start = Buffer.concat([this.start, piece]);
      this.start = start;
      if (start.length < TAR_BLOCK) return;
      // The parser would unpack a gzip within the gzip, uncounted.
      const isTar =
        (isTarHeader(start) && start[0] !== GZIP_SIGN) || start.subarray(0, TAR_BLOCK).every((byte) => byte === 0);
      if (!isTar) throw refusePackage(NO_TAR);
      this.start = undefined;
      this.parser.write(start);
    } else {
      this.parser.write(piece);
    }
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure as Error;
  }
}

function refuseDamaged(error: Error): void {
  const what = error.message.replace(/^TAR_[A-Z_]+: /, '');
  throw refusePackage(`The archive is a damaged or unusual tar: ${what}. Pack and send it again.`);
}

function refuseIgnored(entry: ReadEntry): void {
  if (entry.meta)
    throw refusePackage(`The archive has a header of ${entry.size} bytes; at most ${MAX_HEADER_BYTES} are read.`);
  const type = SPECIAL[entry.type] ?? 'of a type that is not known';
  throw refusePackage(
    `The archive's entry ${shownName(entry.path)} is ${type}; expected plain files. Pack it with plain tar.`,
  );
}

/** An extended header or a long name, as text. */
function checkHeader(text: string): void {
  const names = text.replace(ATTRIBUTES, '');
  const end = names.indexOf('\0');
  // At the end they fill up; an expression that looks for them there takes time by the square of their number.
  if (end >= 0 && /[^\0]/.test(names.slice(end))) {
    throw refusePackage("One of the archive's names has a NUL character in it. Pack files under plain relative names.");
  }
  if (/^\d+ GNU\.sparse\./m.test(text)) {
    throw refusePackage('The archive has a sparse file in it; expected plain files. Pack it without --sparse.');
  }
}
