"""From an account full of machines to stack files, a report and a sheet."""
