/** The settings with which apt works wholly inside one folder of ours, as any user: own lists, own cache, no lock of
 * the system's, and none of the hooks and extra indexes that packages on this machine may have added. */
import { join } from 'node:path';

const HOOKS = ['APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke', 'APT::Update::Post-Invoke-Success'];
const EXTRA_INDEXES = [
  ...['DEP-11', 'DEP-11-icons', 'DEP-11-icons-small', 'DEP-11-icons-large'],
  ...['DEP-11-icons-hidpi', 'DEP-11-icons-large-hidpi', 'Contents-deb', 'CNF'],
];

export function aptConfiguration(folder: string): string {
  const cleared = [...HOOKS, ...EXTRA_INDEXES.map((index) => `Acquire::IndexTargets::deb::${index}`)];
  const settings = {
    'Dir::State': join(folder, 'state'),
    'Dir::State::lists': join(folder, 'state/lists'),
    // Read only: what is installed need not be fetched.
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Cache::archives': join(folder, 'cache/archives'),
    // Otherwise apt, run as root, would download as a user who may not write here.
    'APT::Sandbox::User': 'root',
    // The lock that remains is the system's, which an ordinary user may not take and a download does not need.
    'Debug::NoLocking': '1',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '15',
    'Acquire::https::Timeout': '15',
  };
  return [
    ...cleared.map((name) => `#clear ${name};`),
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
    '',
  ].join('\n');
}
