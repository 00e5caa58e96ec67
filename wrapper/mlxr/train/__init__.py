"""Training: recipe → mlx_lm's configuration → a supervised `mlx_lm lora`."""
