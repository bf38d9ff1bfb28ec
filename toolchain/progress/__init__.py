"""Runs `pulumi preview` and `pulumi up`, and shows what they do in the width of a terminal."""
