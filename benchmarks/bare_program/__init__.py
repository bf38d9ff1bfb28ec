"""The baseline of `benchmarks.commands`: a Pulumi program with nothing but dynamic resources."""
