"""Teaching a language model a job by an adapter: options, the training loop, checkpoints, calibration.

Nothing here knows what is taught: a `Curriculum` gives sheets with the marks that are right, and examines the student.
"""
