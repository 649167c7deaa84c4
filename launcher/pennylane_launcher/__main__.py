"""`python -m pennylane_launcher` is the command line."""

import sys

from pennylane_launcher.cli import main

sys.exit(main())
