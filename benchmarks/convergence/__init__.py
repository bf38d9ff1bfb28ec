"""How long a migration takes, in virtual time: this program's convergence and three baselines.

The emulator answers in this process. Time passes only while everything waits, so that hours of
service time take seconds.
"""
