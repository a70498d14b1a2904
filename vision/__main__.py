"""`python -m vision`."""

import sys

from skylark.process import end_process, ended_by_interrupt, let_waiting_threads_sleep

let_waiting_threads_sleep()
with ended_by_interrupt():
    from skylark.command_line import report_missing_extra

    try:
        from vision.cli import main
    except ModuleNotFoundError as error:
        sys.exit(report_missing_extra("The image half", error))

end_process(main())
