"""`python -m reasoning`."""

from kg_data.process_end import end_process, ended_by_interrupt
from skylark.threads import let_waiting_threads_sleep

let_waiting_threads_sleep()
with ended_by_interrupt():
    from reasoning.cli import main

end_process(main())
