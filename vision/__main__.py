"""`python -m vision`."""

import sys

from kg_data.command_line import report_missing_extra

try:
    from vision.cli import main
except ModuleNotFoundError as error:
    sys.exit(report_missing_extra("The image half", error))

sys.exit(main())
