"""`python -m skylark`."""

import sys

from skylark.cli import main

sys.exit(main())
