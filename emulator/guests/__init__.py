"""The software that runs inside the machines, and the operator who installs it."""
