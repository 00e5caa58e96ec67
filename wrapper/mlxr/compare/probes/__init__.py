"""What a model could do before it was tuned: passages of general text, and simple instructions."""
