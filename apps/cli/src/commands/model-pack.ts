/** `sluice model pack`: a folder into one file that can be sent and registered. */
import { parseArgs } from 'node:util';
import { EXIT, UsageError, type Command } from '../command.js';
import { JSON_OPTION } from '../model/model-command.js';
import { modelName, modelVersion } from '../model/model-reference.js';
import { checkEnding, packTo } from '../model/pack-run.js';
import { withScratchPackage } from '../model/scratch-store.js';
import { size } from '../size.js';
import { interruptible } from '../stop-signals.js';
import { fields, print, printJson, tell } from '../terminal.js';

export const modelPackCommand: Command = {
  usage: '<folder | archive | x.onnx> [-o file.tar.gz|.tar|.zip] [--name n] [--version v] [--json]',
  help: [
    'Checks a package as a gateway would, completes its model.json with the sha256 of every file, and writes one file.',
    'The same input gives the same bytes. Without -o it is <name>-<version>.tar.gz in this folder.',
    '--name and --version win over what the package says. No server is needed.',
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...JSON_OPTION,
        out: { type: 'string', short: 'o' },
        name: { type: 'string' },
        version: { type: 'string' },
      },
    });
    const [path, ...rest] = positionals;
    if (path === undefined || rest.length > 0) throw new UsageError('One folder, archive or model file was expected.');
    if (values.out !== undefined) checkEnding(values.out);
    const name = values.name === undefined ? undefined : modelName(values.name);
    const version = values.version === undefined ? undefined : modelVersion(values.version);
    return interruptible((signal) =>
      withScratchPackage(path, { name, version, signal }, async (scratch) => {
        const { digest, files, bytes, notes, ...called } = scratch.package;
        const out = values.out ?? `${called.name}-${called.version}.tar.gz`;
        const packed = await packTo(out, scratch, signal);
        if (values.json) {
          printJson({ ...packed, name: called.name, version: called.version, digest, bytes, files, notes });
          return EXIT.done;
        }
        for (const note of notes) tell(note);
        print(
          fields([
            ['file', `${out} (${size(packed.size)})`],
            ['sha256', packed.sha256],
            ['model', `${called.name}:${called.version}`],
            ['holds', `${files.length} files, ${size(bytes)}`],
            ['digest', digest],
          ]),
        );
        return EXIT.done;
      }),
    );
  },
};
