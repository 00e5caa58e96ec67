"""`mlxr export`: a run's weights in the form that others take them, with what they are worth."""
