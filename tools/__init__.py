"""Commands that developers run once to make the data files that the product ships; see README.md."""
