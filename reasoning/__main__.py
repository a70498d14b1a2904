"""`python -m reasoning`."""

from skylark.process import end_process, ended_by_interrupt, let_waiting_threads_sleep

let_waiting_threads_sleep()
with ended_by_interrupt():
    from reasoning.cli import main

end_process(main())
