"""`python -m reasoning`."""

from kg_data.process_end import end_process, ended_by_interrupt

with ended_by_interrupt():
    from reasoning.cli import main

end_process(main())
