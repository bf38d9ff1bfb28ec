"""The AWS estate as plain data: machines, their software, and the connections they can open.

Both clouds read it. It imports nothing else of the emulator.
"""
