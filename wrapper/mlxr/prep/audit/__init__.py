"""The audit: what is wrong with rows and splits, in tokens and in what answers say."""
