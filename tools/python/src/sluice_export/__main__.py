"""`python -m sluice_export`, where the script is not on the PATH."""

import sys

from sluice_export.cli import main

sys.exit(main())
