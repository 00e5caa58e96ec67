"""New training rows for small data: from templates and pools, and by swapping entities."""
