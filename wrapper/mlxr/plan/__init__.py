"""`mlxr plan`: what a training will cost, and what its test split can show, told before it runs."""
