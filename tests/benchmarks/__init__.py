"""The benchmarks run, and say what they say, on small numbers."""
