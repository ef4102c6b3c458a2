"""Benchmarks: `./baton bench NAME --json` measures Baton beside its peer in one run (docs/protocol.md, section 9)."""
