"""The version, alone, so that ``dashget --version`` loads nothing else."""

__version__ = "0.1.0"
