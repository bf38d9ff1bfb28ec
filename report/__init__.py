"""What became of a stack's migration, for people: a page, a table on a terminal, and data.

It reads the record of the stack and looks once at its vault. It changes nothing.
"""
