"""Words by the part that they play in an instruction."""
