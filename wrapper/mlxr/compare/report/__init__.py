"""How a comparison is shown: one file a form."""
