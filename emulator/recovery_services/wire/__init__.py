"""Site Recovery's wire format: paths, bodies, filters, times and poll URLs."""
