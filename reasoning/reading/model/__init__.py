"""Questions read by a language model: names and schema into a prompt, a query written over ids, checked and weighed."""
