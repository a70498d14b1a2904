"""Reading: an instruction becomes a task, a referring expression becomes a query."""
