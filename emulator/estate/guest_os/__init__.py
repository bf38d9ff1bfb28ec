"""The inside of one machine: its service and who writes to it, its connections, its disks, and the
scripts that it runs. All of it is a document and functions of it: nothing here keeps time or state.
"""
