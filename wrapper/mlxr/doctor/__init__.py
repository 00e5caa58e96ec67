"""`mlxr doctor`: what is looked at, a file a topic, and what follows from what was seen."""
