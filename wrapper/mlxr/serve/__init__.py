"""`mlxr serve`: a tuned model behind an OpenAI-compatible address, through mlx_lm.server."""
