"""`python -m vision`."""

import sys

from kg_data.process_end import end_process, ended_by_interrupt
from skylark.threads import let_waiting_threads_sleep

let_waiting_threads_sleep()
with ended_by_interrupt():
    from kg_data.command_line import report_missing_extra

    try:
        from vision.cli import main
    except ModuleNotFoundError as error:
        sys.exit(report_missing_extra("The image half", error))

end_process(main())
