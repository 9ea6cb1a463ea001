"""Every compiled loop of lmkit, behind plain functions with typed arguments.

A module holds the loops of one subject. Its functions without a leading underscore are Python: they
say what comes in and what goes out, provide the memory that a loop works in, and call it. Names
with a leading underscore are compiled and stay within this package, whose modules alone know how
(`lmkit.kernels.compiled`).
"""
