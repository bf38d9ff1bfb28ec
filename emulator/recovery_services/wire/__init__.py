"""How Site Recovery speaks: paths, bodies, filters, times and poll URLs."""
