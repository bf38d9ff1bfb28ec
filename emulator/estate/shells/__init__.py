"""The few commands that guests run, of a shell on Linux and of PowerShell on Windows."""
