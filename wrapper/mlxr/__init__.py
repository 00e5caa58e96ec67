"""mlxr: fine-tune a small language model on one machine, and prove whether it got better."""

__version__ = "0.1.0"
