"""The compiled module. Everything public is re-exported by :mod:`drcore`."""

def cli(argv: list[str]) -> int:
    """Runs the ``drcore`` command with these arguments, the program's name first."""
