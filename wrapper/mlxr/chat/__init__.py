"""`mlxr chat`: talking to a tuned model, and to its base, with the prompts of its training."""
