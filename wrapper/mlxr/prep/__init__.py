"""prep: from a source to plain mlx-lm data, audited on exactly the tokens that will be trained."""
