"""The command line: parse, call the library, render. Installed as ``lmkit.cli``."""
