"""The AWS estate as plain data: machines, what runs on them, and which connections they can open.

Both clouds read it. It imports nothing else of the emulator.
"""
