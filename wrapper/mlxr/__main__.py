"""`python -m mlxr`."""

from mlxr.cli import main

main()
