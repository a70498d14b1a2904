"""Teaching a language model to answer the steps of chains, the exact executor being the teacher."""
