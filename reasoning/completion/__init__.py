"""What the graph does not say: predictors of missing edges."""
